"""How a registry lets this machine in: by password, or by a token that another server gives for it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from platform_images.errors import PrerequisiteError, ToolError
from platform_images.fetch import CONNECT_SECONDS, SILENT_SECONDS
from platform_images.process import redacted
from platform_images.publish.challenges import Challenge, chosen_challenge
from platform_images.publish.values import Login, Repository

if TYPE_CHECKING:
    from requests import PreparedRequest, Response, Session

CLIENT = "platform-images"
_REFUSALS = (400, 401, 403)
_NO_SUCH_WAY = (404, 405)
_BUSY = 429
_BROKEN = 500


class UnansweredError(ToolError):
    """A server did not answer, broke off, or is in trouble: the next attempt may be better."""


class Access:
    """Puts into requests what a registry has asked for; nothing before it has."""

    def __init__(self, session: Session, repository: Repository, login: Login | None, *, trust: Path | None) -> None:
        self._session = session
        self._repository = repository
        self._login = login
        self._verify = str(trust) if trust is not None else True
        self._authorization = ""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Put it into a request; being asked for this, the HTTP library looks for no password of its own."""
        if self._authorization:
            request.headers["Authorization"] = self._authorization
        return request

    def renew(self, header: str) -> None:
        """Get what a registry asks for.

        Args:
            header: Its WWW-Authenticate.

        Raises:
            PrerequisiteError: There is no login for it, or it is refused.
            ToolError: It asks for something unknown, or the server of its tokens does not answer.
        """
        way = chosen_challenge(header)
        if way is None:
            raise ToolError(
                f"{self._repository.host} asks for a login that is neither a password nor a token.",
                why=f"WWW-Authenticate: {header}" if header else "its answer has no WWW-Authenticate",
                fix="see that --registry names a registry of images, and not another server",
            )
        if way.scheme == "bearer":
            self._authorization = f"Bearer {self._token(way)}"
            return
        if self._login is None or not self._login.user:
            raise self.refused("it wants a user and a password")
        if self._authorization == self._basic(self._login):
            raise self.refused("it does not take the user and the password of the docker client's configuration")
        self._authorization = self._basic(self._login)

    def refused(self, why: str) -> PrerequisiteError:
        """Return the error for a registry that does not let this machine in."""
        host = self._repository.host
        if self._login is None:
            return PrerequisiteError(
                f"{host} does not let this machine in, and the docker client has no login for it.",
                why=redacted(why),
                fix=f"docker login {host}",
            )
        return PrerequisiteError(
            f"{host} does not let this machine push to {self._repository.path}.",
            why=redacted(why),
            fix=f"docker login {host} as somebody who may push there",
        )

    def _basic(self, login: Login) -> str:
        """Return what says user and password."""
        return f"Basic {base64.b64encode(f'{login.user}:{login.password}'.encode()).decode('ascii')}"

    def _token(self, way: Challenge) -> str:
        """Return a token for what is to be done.

        Raises:
            PrerequisiteError: It is refused.
            ToolError: The server of tokens does not answer, or would be told a password that others can read.
        """
        realm = way.parameters["realm"]
        if urlsplit(realm).scheme != "https" and not self._repository.loopback:
            raise ToolError(
                f"{self._repository.host} sends its users to a server of tokens without TLS.",
                why=f"realm: {redacted(realm)}",
                fix="whoever runs the registry has to give that server a certificate; nothing was sent to it",
            )
        asked = {name: way.parameters[name] for name in ("service", "scope") if way.parameters.get(name)}
        answer = self._asked(realm, asked)
        if answer.status_code in _REFUSALS:
            raise self.refused(f"{redacted(realm)} gives no token: it answers {answer.status_code} {words(answer)}")
        if not answer.ok:
            raise troubled(redacted(realm), answer)
        found = document(answer)
        token = found.get("token") or found.get("access_token")
        if not isinstance(token, str):
            raise ToolError(
                f"{redacted(realm)} gives no token.", why="its answer has none", fix="ask whoever runs the registry"
            )
        return token

    def _asked(self, realm: str, asked: dict[str, str]) -> Response:
        """Ask the server of tokens, as OAuth does where there is a token of identity and the server knows that."""
        login = self._login
        if login is not None and login.identity_token:
            oauth = {"grant_type": "refresh_token", "refresh_token": login.identity_token, "client_id": CLIENT}
            answer = self._sent("POST", realm, data={**asked, **oauth})
            if answer.status_code not in _NO_SUCH_WAY:
                return answer
        own = self._basic(login) if login is not None and login.user else ""
        account = {"account": login.user} if login is not None and login.user else {}
        return self._sent("GET", realm, params={**asked, **account}, own=own)

    def _sent(self, method: str, realm: str, *, own: str = "", **options: Any) -> Response:
        """Send one request to the server of tokens."""
        import requests

        def authorised(request: PreparedRequest) -> PreparedRequest:
            if own:
                request.headers["Authorization"] = own
            return request

        try:
            return self._session.request(
                method,
                realm,
                auth=authorised,
                verify=self._verify,
                timeout=(CONNECT_SECONDS, SILENT_SECONDS),
                **options,
            )
        except requests.RequestException as error:
            raise unanswered(redacted(realm), error) from error


def unanswered(place: str, error: Exception) -> ToolError:
    """Return the error for a server that gave no answer; a certificate that is not trusted stays so."""
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return ToolError(
            f"The certificate of {place} is not trusted here.",
            why=redacted(str(error)),
            fix="name the authority that signed it: ca_bundle in [tls] of platform.toml, or SSL_CERT_FILE",
        )
    return UnansweredError(
        f"{place} does not answer.",
        why=redacted(str(error)),
        fix="see that the registry runs, and check the network and the proxy; then run it again",
    )


def troubled(place: str, answer: Response) -> ToolError:
    """Return the error for an answer that is none; worth another attempt where the server is in trouble."""
    kind = UnansweredError if answer.status_code >= _BROKEN or answer.status_code == _BUSY else ToolError
    return kind(
        f"{place} answers {answer.status_code} {answer.reason}.",
        why=words(answer) or None,
        fix="run it again when the registry is in order; what is there is not sent again",
    )


def words(answer: Response) -> str:
    """Return what a registry says in its answer beside the number."""
    found = document(answer).get("errors")
    said = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    return redacted("; ".join(f"{each.get('code', '')}: {each.get('message', '')}" for each in said))


def document(answer: Response) -> dict[str, Any]:
    """Return an answer's JSON object; empty where it is none."""
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
