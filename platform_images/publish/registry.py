"""A thin client of the distribution API: manifests by tag and digest, read and put. Layers are the engine's matter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from platform_images.errors import MismatchError, ToolError
from platform_images.fetch import CONNECT_SECONDS, SILENT_SECONDS
from platform_images.publish.access import Access, UnansweredError, troubled, unanswered, words
from platform_images.publish.manifests import MEDIA_TYPES, parse_manifest
from platform_images.publish.values import Login, Manifest, Published, Repository

if TYPE_CHECKING:
    from requests import Response
    from tenacity import RetryCallState

ATTEMPTS = 5
LONGEST_PAUSE = 30.0
_NOT_LET_IN, _FORBIDDEN, _NOT_THERE, _CREATED = 401, 403, 404, 201
Say = Callable[[str], None]
T = TypeVar("T")


class Registry:
    """One repository of a registry; as a context, it ends its connections."""

    def __init__(
        self, repository: Repository, login: Login | None, *, trust: Path | None, say: Say, pause: float = 1.0
    ) -> None:
        """Ask nothing yet.

        Args:
            repository: The repository.
            login: The docker client's login for the registry.
            trust: The file of certificate authorities; those that come with the HTTP library without it.
            say: Told of attempts that failed.
            pause: Seconds before the second attempt; each further pause is twice as long.
        """
        import requests

        self.repository = repository
        self.login = login
        self._session = requests.Session()
        self._session.trust_env = not repository.loopback  # no proxy leads to the loopback
        self._access = Access(self._session, repository, login, trust=trust)
        self._verify = str(trust) if trust is not None else True
        self._say = say
        self._pause = pause

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def published(self, reference: str) -> Published | None:
        """Return what a tag or a digest names; None where there is nothing of that name.

        Raises:
            MismatchError: The registry gives other bytes than it says, or an index without the images in it.
            PrerequisiteError: It does not let this machine in.
            ToolError: It does not answer.
        """
        found = self.manifest(reference)
        if found is None:
            return None
        images = [self._part(found, digest) for digest in found.images]
        return Published(manifest=found, images=tuple(images) if images else (found,))

    def manifest(self, reference: str) -> Manifest | None:
        """Return a manifest by tag or digest, its bytes checked; None where there is none.

        Raises:
            As ``published``.
        """
        answer = self._asked("GET", reference, {"Accept": ", ".join(MEDIA_TYPES), "Accept-Encoding": "identity"})
        if answer.status_code == _NOT_THERE:
            return None
        if not answer.ok:
            raise troubled(self.repository.host, answer)
        wanted = reference if reference.startswith("sha256:") else None
        return parse_manifest(
            answer.content,
            media_type=answer.headers.get("Content-Type", ""),
            told=wanted or answer.headers.get("Docker-Content-Digest"),
            shown=f"{self.repository.name} {reference}",
        )

    def put(self, tag: str, manifest: Manifest) -> None:
        """Give a manifest a tag; what it names is there already.

        Raises:
            PrerequisiteError: The registry does not let this machine in.
            ToolError: It does not answer, or refuses.
        """
        answer = self._asked("PUT", tag, {"Content-Type": manifest.media_type}, body=manifest.body)
        if answer.status_code != _CREATED:
            raise troubled(self.repository.host, answer)

    def _part(self, index: Manifest, digest: str) -> Manifest:
        """Return a manifest that an index names."""
        found = self.manifest(digest)
        if found is None:
            raise MismatchError(
                f"{self.repository.name}@{index.digest} names an image that the registry does not have.",
                why=f"missing: {digest}",
                fix="whoever runs the registry has to delete that tag, or to bring the image back",
            )
        return found

    def _asked(self, method: str, reference: str, headers: dict[str, str], *, body: bytes | None = None) -> Response:
        """Ask, in some attempts."""
        return self.retried(lambda: self._once(method, reference, headers, body), attempts=ATTEMPTS)

    def retried(self, call: Callable[[], T], *, attempts: int, slower: float = 1.0) -> T:
        """Return what a call gives; where a server is in trouble it is called again, after longer and longer pauses."""
        import tenacity

        def told(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome is not None else None
            wait = state.next_action.sleep if state.next_action is not None else 0
            first = error.what if isinstance(error, UnansweredError) else str(error)
            why = error.why if isinstance(error, UnansweredError) and error.why else ""
            self._say(f"{first} {why}".rstrip() + f"; attempt {state.attempt_number + 1} of {attempts} in {wait:.0f} s")

        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(attempts),
            wait=tenacity.wait_exponential(multiplier=self._pause * slower, max=LONGEST_PAUSE),
            retry=tenacity.retry_if_exception_type(UnansweredError),
            before_sleep=told,
            reraise=True,
        )
        return retrying(call)

    def _once(self, method: str, reference: str, headers: dict[str, str], body: bytes | None) -> Response:
        """Ask once; a second time with what the registry then wants to see."""
        answer = self._sent(method, reference, headers, body)
        if answer.status_code == _NOT_LET_IN:
            self._access.renew(answer.headers.get("WWW-Authenticate", ""))
            answer = self._sent(method, reference, headers, body)
        if answer.status_code in (_NOT_LET_IN, _FORBIDDEN):
            raise self._access.refused(f"it answers {answer.status_code} {words(answer)}".rstrip())
        error = None if answer.ok else troubled(self.repository.host, answer)
        if isinstance(error, UnansweredError):
            raise error
        return answer

    def _sent(self, method: str, reference: str, headers: dict[str, str], body: bytes | None) -> Response:
        """Send one request; redirects are followed, and what lets in is not shown to another host."""
        import requests

        try:
            return self._session.request(
                method,
                f"{self.repository.address}/{reference}",
                headers=headers,
                data=body,
                auth=self._access,
                verify=self._verify,
                timeout=(CONNECT_SECONDS, SILENT_SECONDS),
            )
        except requests.RequestException as error:
            raise unanswered(self.repository.host, error) from error


def required(found: T | None, repository: Repository, tag: str) -> T:
    """Return what a tag names after it was put.

    Raises:
        ToolError: It names nothing.
    """
    if found is None:
        raise ToolError(
            f"{repository.host} took {repository.name}:{tag} and does not have it.",
            why="asked for it, it answers 404",
            fix="see that all who answer for the registry have the same storage; then run it again",
        )
    return found
