"""The methods of the platform's API, whether they are implemented here or not, and what those here leave out.

Facts of the client: what `dxpy.api` of DXPY_VERSION has a function for, and what else clients call. A test
compares the former with the real dxpy.
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
"""What `dxpy.api` has a function for, one each."""

UPLOAD: Method = ("file", "PUT of a part")
DOWNLOAD: Method = ("file", "GET of its bytes")
LOG: Method = ("job", "getLog/websocket")
NOT_POST = frozenset({UPLOAD, DOWNLOAD, LOG})
"""No `POST` of JSON: the URLs that upload and download answer with, and what `dx watch` listens to."""

NOT_SERVED = _methods({"system": "checkFeatureAccess"})
"""Methods that clients call, for which neither `dxpy.api` has a function nor this server a route."""

_RUN = (
    "costs and instance types are kept, not acted upon: every job runs on this machine; `httpsApp` needs no"
    " licence"
)

LIMITATIONS: dict[Method, str] = {
    ("app", "run"): _RUN,
    ("applet", "run"): _RUN,
    ("file", "close"): "a file is closed at once; DNAnexus describes it as `closing` first",
    ("job", "describe"): "no prices, no egress, and no host: there are none",
    ("job", "getIdentityToken"): (
        "needs the extra `identity`; the issuer is this server, whose key is at `/.well-known/jwks.json`;"
        " unverified: default subject, lifetime"
    ),
    ("job", "update"): "`allowSSH` is kept; there is no machine of the job's own to log in to",
    ("project", "describe"): "no `cloudAccount` and `provider`; nothing costs anything",
    ("project", "leave"): "a project keeps its only user",
    ("project", "new"): "`restricted` and the like are kept, not enforced; `protected` is enforced",
    ("project", "transfer"): "there is nobody else to be billed",
    ("project", "update"): "`restricted` and the like are kept, not enforced; `protected` is enforced",
    ("project", "archive"): "the bytes stay where they are",
    ("project", "unarchive"): "takes a minute and costs nothing, whatever the rate",
    ("system", "describeExecutions"): "unverified: its form is taken from describeProjects",
    ("system", "findDatabases"): "there are no databases: none is found",
    ("system", "findOrgs"): "there are no organisations: none is found",
    ("user", "update"): "`sshPublicKey` and, to the user's own ID, `billTo`; anything else is refused",
    ("system", "findDataObjects"): "`next` has more in it than a project and an ID",
    ("system", "findGlobalWorkflows"): "there are no global workflows: none is found",
    ("system", "greet"): "there is never any news",
    ("system", "newAuthToken"): "there are no passwords",
    ("user", "new"): "there is one user",
    ("workflow", "run"): "what earlier analyses computed is used again only where `--reuse` says so",
}
"""The limitations of a method that is implemented, or the reason why it refuses."""

UNSERVED_CLASSES: dict[str, str] = {
    "database": "There are no databases",
    "dbcluster": "There are no database clusters",
    "globalworkflow": "There are no global workflows; those of a project are served",
    "notifications": "There is nobody to notify",
    "org": "There is one user, and no organisation",
}
"""Why a class of methods is not implemented."""
