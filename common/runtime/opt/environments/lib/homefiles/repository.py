"""Git repositories of notebooks: a bare cache in the home, commits fetched into it, and their files laid out."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

CACHE = ".cache/platform-images/git"
FETCH_SECONDS = 240
_FIRST_LINES = 2
_CREDENTIALS = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@]+@")
# What a server says that does not give a single commit, or none without its history.
_NOT_SO = re.compile(r"not our ref|unadvertised object|shallow|remote ref|no such remote ref|did not send all", re.I)
_OPTIONS = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false", "-c", "gc.autoDetach=false"),
    *("-c", "advice.detachedHead=false", "-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=30"),
    *("-c", "protocol.ext.allow=never", "-c", "fetch.fsckObjects=true"),
)
_FILE, _PROGRAM, _LINK, _SUBMODULE = b"100644", b"100755", b"120000", b"160000"


class GitError(Exception):
    """Git could not do it; says why in one line, without credentials."""


class Repository:
    """The cache of one repository."""

    def __init__(self, home: str, url: str) -> None:
        self.url = url
        self.top = os.path.join(home, CACHE, f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.git")

    def prepare(self) -> None:
        """Make the cache where there is none.

        Raises:
            GitError: It cannot be made.
        """
        if not os.path.isfile(os.path.join(self.top, "HEAD")):
            os.makedirs(os.path.dirname(self.top), mode=0o700, exist_ok=True)
            git("init", "--quiet", "--bare", self.top)

    def has(self, commit: str) -> bool:
        """Whether the cache holds a commit."""
        try:
            self._git("cat-file", "-e", f"{commit}^{{commit}}")
        except GitError:
            return False
        return True

    def ensure(self, commit: str, ref: str) -> None:
        """Fetch a commit where the cache does not hold it: alone, with its ref, with everything, as the server lets.

        Raises:
            GitError: The repository cannot be reached, or does not have it.
        """
        everything = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        attempts = (("--depth=1", self.url, commit), ("--depth=1", self.url, ref), (self.url, *everything))
        for words in attempts:
            if self.has(commit):
                break
            self._fetch(*words)
        if not self.has(commit):
            raise GitError(f"{redacted(self.url)} has no commit {commit[:12]}: was the history of {ref} rewritten?")
        self._git("update-ref", f"refs/platform-images/{commit}", commit)

    def newest(self, ref: str) -> str:
        """Return the commit that a ref is at now, fetched.

        Raises:
            GitError: The repository cannot be reached, or has no such ref.
        """
        if not self._fetch("--depth=1", self.url, ref) and not self._fetch(self.url, ref):
            raise GitError(f"{redacted(self.url)} has no branch or tag {ref}")
        commit = self._git("rev-parse", "--verify", "FETCH_HEAD^{commit}").decode().strip()
        self._git("update-ref", f"refs/platform-images/{commit}", commit)
        return commit

    @contextmanager
    def laid_out(self, commit: str, subfolder: str) -> "Iterator[tuple[str, list[str]]]":
        """Give a folder with the files of a commit for a while, and what could not be laid out.

        Raises:
            GitError: The commit has no such subfolder.
            OSError: The files cannot be written.
        """
        folder = f"{self.top}.{os.getpid()}"
        shutil.rmtree(folder, ignore_errors=True)
        try:
            os.makedirs(folder)
            yield folder, self._lay_out(f"{commit}:{subfolder}", folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _lay_out(self, treeish: str, folder: str) -> "list[str]":
        """Write the files of a tree; return what is left out: submodules, and links that lead out of it."""
        if self._git("cat-file", "-t", treeish).strip() != b"tree":
            raise GitError(f"{redacted(self.url)}: {treeish.partition(':')[2]} is no folder of the repository")
        left_out: list[str] = []
        for row in self._git("ls-tree", "-r", "-z", "--full-tree", treeish).split(b"\0"):
            if not row:
                continue
            head, _, name = row.partition(b"\t")
            mode, _, blob = head.split()
            path = os.fsdecode(name)
            if mode == _SUBMODULE or not _inside(path):
                left_out.append(path)
                continue
            place = os.path.join(folder, path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            if mode == _LINK:
                target = os.fsdecode(self._git("cat-file", "blob", blob.decode()))
                if _inside(os.path.normpath(os.path.join(os.path.dirname(path), target))):
                    os.symlink(target, place)
                else:
                    left_out.append(path)
                continue
            with open(place, "wb") as stream:
                self._git("cat-file", "blob", blob.decode(), into=stream.fileno())
            os.chmod(place, 0o755 if mode == _PROGRAM else 0o644)
        return left_out

    def _fetch(self, *words: str) -> bool:
        """Fetch; False where the server does not give this so.

        Raises:
            GitError: It cannot be reached.
        """
        try:
            self._git("fetch", "--quiet", "--no-tags", "--force", *words)
        except GitError as error:
            if _NOT_SO.search(str(error)):
                return False
            raise
        return True

    def _git(self, *words: str, into: "int | None" = None) -> bytes:
        """Run git in the cache."""
        return git("--git-dir", self.top, *words, into=into)


def git(*words: str, into: "int | None" = None) -> bytes:
    """Run git, which never asks anybody for anything, and return what it printed.

    Raises:
        GitError: It failed.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_DIR")}
    for name in ("GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        environment.pop(name, None)
    environment.update(GIT_TERMINAL_PROMPT="0", LC_ALL="C.UTF-8", LANGUAGE="C")
    environment.setdefault("GIT_ASKPASS", "/bin/false")
    environment.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oConnectTimeout=20")
    try:
        done = subprocess.run(
            ["git", *_OPTIONS, *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if into is None else into,
            stderr=subprocess.PIPE,
            timeout=FETCH_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise GitError("there is no git in this image") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"git did not end within {FETCH_SECONDS} s") from None
    if done.returncode:
        lines = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        raise GitError(redacted("; ".join(lines[:_FIRST_LINES]) or f"git ended with exit code {done.returncode}"))
    return done.stdout or b""


def redacted(text: str) -> str:
    """Return text with the user and password of every URL left out."""
    return _CREDENTIALS.sub(r"\1***@", text)


def _inside(path: str) -> bool:
    """Whether a path stays in its folder and has no part that means something to git."""
    parts = path.split("/")
    return not path.startswith("/") and not any(part in ("", "..") or part.lower() == ".git" for part in parts)
