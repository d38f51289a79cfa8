"""All methods of the platform's API, implemented or not, and the limitations of the implementation.

DXPY lists the functions of `dxpy.api` in DXPY_VERSION, which a test compares with the real dxpy. The other
sets are methods that clients call in addition.
"""

from __future__ import annotations

DXPY_VERSION = "0.417.1"

Method = tuple[str, str]
"""A class and a method: `("file", "upload")` is `POST /file-xxxx/upload`."""


def _methods(by_class: dict[str, str]) -> frozenset[Method]:
    return frozenset((name, method) for name, methods in by_class.items() for method in methods.split())


DXPY = _methods(
    {
        "analysis": "addTags describe removeTags setProperties terminate",
        "app": (
            "addAuthorizedUsers addCategories addDevelopers addTags delete describe get install "
            "listAuthorizedUsers listCategories listDevelopers new publish removeAuthorizedUsers "
            "removeCategories removeDevelopers removeTags run uninstall update validateBatch"
        ),
        "applet": (
            "addTags describe get getDetails listProjects new removeTags rename run setProperties "
            "validateBatch"
        ),
        "container": (
            "clone describe destroy listFolder move newFolder removeFolder removeObjects renameFolder"
        ),
        "database": (
            "addTags addTypes close describe downloadFile getDetails listFolder listProjects relocate "
            "removeTags removeTypes rename setDetails setProperties setVisibility"
        ),
        "dbcluster": (
            "addTags addTypes describe getDetails new removeTags removeTypes rename setDetails "
            "setProperties setVisibility start stop terminate"
        ),
        "file": (
            "addTags addTypes close describe download getDetails listProjects new removeTags removeTypes "
            "rename setDetails setProperties setVisibility upload"
        ),
        "globalworkflow": (
            "addAuthorizedUsers addCategories addDevelopers addTags delete describe listAuthorizedUsers "
            "listCategories listDevelopers new publish removeAuthorizedUsers removeCategories "
            "removeDevelopers removeTags run update"
        ),
        "job": "addTags describe getIdentityToken getLog new removeTags setProperties terminate update",
        "notifications": "get markRead",
        "org": "describe findApps findMembers findProjects invite new removeMember setMemberAccess update",
        "project": (
            "addTags archive clone decreasePermissions describe destroy invite leave listFolder move new "
            "newFolder removeFolder removeObjects removeTags renameFolder setProperties transfer unarchive "
            "update updateSponsorship"
        ),
        "record": (
            "addTags addTypes close describe getDetails listProjects new removeTags removeTypes rename "
            "setDetails setProperties setVisibility"
        ),
        "system": (
            "describeDataObjects describeExecutions describeProjects findAffiliates findAnalyses findApps "
            "findDataObjects findDatabases findExecutions findGlobalWorkflows findJobs findOrgs "
            "findProjectMembers findProjects findUsers generateBatchInputs globalSearch greet headers "
            "resolveDataObjects shortenURL whoami"
        ),
        "user": "describe update",
        "workflow": (
            "addStage addTags addTypes close describe dryRun getDetails isStageCompatible listProjects "
            "moveStage new overwrite removeStage removeTags removeTypes rename run setDetails setProperties "
            "setVisibility update updateStageExecutable validateBatch"
        ),
    }
)
"""The methods that have a function in `dxpy.api`."""

UPLOAD: Method = ("file", "PUT of a part")
DOWNLOAD: Method = ("file", "GET of its bytes")
LOG: Method = ("job", "getLog/websocket")
NOT_POST = frozenset({UPLOAD, DOWNLOAD, LOG})
"""Methods other than a `POST` of JSON: the URLs of uploads and downloads, and the log of `dx watch`."""

NOT_SERVED = _methods({"system": "checkFeatureAccess"})
"""Methods that clients call, but that have neither a function in `dxpy.api` nor a route here."""

_RUN = (
    "costs and instance types are stored without effect, because every job runs on this machine; `httpsApp`"
    " requires no licence"
)

LIMITATIONS: dict[Method, str] = {
    ("app", "run"): _RUN,
    ("applet", "run"): _RUN,
    ("file", "close"): "a file is closed at once; DNAnexus first describes it as `closing`",
    ("job", "describe"): "no prices, egress or host",
    ("job", "getIdentityToken"): (
        "requires the extra `identity`; the issuer is this server, with its key at `/.well-known/jwks.json`;"
        " unverified: default subject, lifetime"
    ),
    ("job", "update"): "`allowSSH` is stored, but a job has no machine of its own to log in to",
    ("project", "describe"): "no `cloudAccount` or `provider`; all costs are zero",
    ("project", "leave"): "the only user of a project cannot leave it",
    ("project", "new"): "`protected` is enforced; `restricted` and similar flags are only stored",
    ("project", "transfer"): "there is no other user to bill",
    ("project", "update"): "`protected` is enforced; `restricted` and similar flags are only stored",
    ("project", "archive"): "the bytes are not moved",
    ("project", "unarchive"): "takes a minute and costs nothing at any rate",
    ("system", "describeExecutions"): "unverified: the format is that of describeProjects",
    ("system", "findDatabases"): "always empty; there are no databases",
    ("system", "findOrgs"): "always empty; there are no organisations",
    ("user", "update"): "only `sshPublicKey`, and `billTo` with the user's own ID",
    ("system", "findDataObjects"): "`next` has more keys than a project and an ID",
    ("system", "findGlobalWorkflows"): "always empty; there are no global workflows",
    ("system", "greet"): "there are never any messages",
    ("system", "newAuthToken"): "there are no passwords",
    ("user", "new"): "there is a single user",
    ("workflow", "run"): "results of earlier analyses are reused only with `--reuse`",
}
"""The limitations of implemented methods, and the reasons why others are rejected."""

UNSERVED_CLASSES: dict[str, str] = {
    "database": "There are no databases",
    "dbcluster": "There are no database clusters",
    "globalworkflow": "There are no global workflows; workflows in projects are implemented",
    "notifications": "There is no notification service",
    "org": "There are no organisations, only a single user",
}
"""The reasons why the methods of a class are not implemented."""
