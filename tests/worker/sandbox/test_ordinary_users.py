"""Sandboxes of an ordinary user: one who owns nothing, in the system's Python."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from tests.worker.conftest import NOBODY, RUNTIME, by_nobody, run_by_nobody

CHANGES = """
python3 -I - <<'END'
import sys
sys.path.insert(0, "RUNTIME")
from dx_local.worker.builders import asset_archive, changes

found = changes.changes_since({}, asset_archive.exclusion(["/opt/left-out"]))
print(*(change.path for change in found.changes if "of-a-job" in change.path), *found.removed, sep="\\n")
asset_archive.pack("asset.tar.gz", found.changes, lambda _: False)
END
tar tzvf asset.tar.gz --numeric-owner | grep of-a-job | sed -E 's/ +[0-9]+ [0-9-]+ [0-9:]+ / /'
"""

IN_A_NETWORK = """
import socket, sys
sys.path.insert(0, sys.argv[1])
from dx_local.worker.sandbox import mounts
from dx_local.worker.sandbox.manager import SandboxManager
from dx_local.worker.sandbox.network import Network

SandboxManager(sys.argv[2], "box", has_pid_namespace=True)
mounts.perform([Network(int(sys.argv[3])).entry_call()])
socket.create_connection(("127.0.0.1", int(sys.argv[3])))
try:
    socket.create_connection(("192.0.2.1", 80))
except OSError as error:
    print(error.strerror)
"""


def test_a_job_of_an_ordinary_user_may_change_what_root_may(folder_of_nobody: Path) -> None:
    script = """
    whoami
    for place in /usr/local/bin /usr/bin /usr/share /usr/lib /etc /etc/profile.d /opt /var/lib /root /; do
        mkdir "$place/of-a-job"
        cp /bin/true "$place/of-a-job"
    done
    echo '127.0.0.9 there' >> /etc/hosts
    rm /usr/bin/env
    ! test -e /usr/bin/env
    """
    done = by_nobody(folder_of_nobody, *[script] * 2)
    assert (done.returncode, done.stdout, done.stderr) == (0, "root\n" * 2, "")
    assert Path("/usr/bin/env").exists()


def test_the_changes_of_an_ordinary_user_become_an_asset(folder_of_nobody: Path) -> None:
    script = """
    mkdir -p /opt/of-a-job/empty /usr/share/of-a-job /opt/left-out/of-a-job
    echo x > /usr/local/bin/of-a-job
    ln -s nowhere /etc/of-a-job
    echo x > /opt/left-out/of-a-job/file
    rm /usr/bin/env
    copy=$(mktemp -d /tmp/.dpkg.XXXXXX)
    cp -dR --preserve=mode,timestamps,links /usr/share/common-licenses/. "$copy"
    mount --bind "$copy" /usr/share/common-licenses
    echo x > /usr/share/common-licenses/of-a-job
    ! touch /.dx-local/changes/file 2> /dev/null
    """ + CHANGES.replace("RUNTIME", str(RUNTIME))
    done = by_nobody(folder_of_nobody, script)
    assert done.stdout.splitlines() == [
        "/etc/of-a-job",
        "/opt/of-a-job/empty",
        "/usr/local/bin/of-a-job",
        "/usr/share/common-licenses/of-a-job",
        "/usr/share/of-a-job",
        "/usr/bin/env",
        "lrwxrwxrwx 0/0 etc/of-a-job -> nowhere",
        "drwxr-xr-x 0/0 opt/of-a-job/empty/",
        "-rw-r--r-- 0/0 usr/local/bin/of-a-job",
        "-rw-r--r-- 0/0 usr/share/common-licenses/of-a-job",
        "drwxr-xr-x 0/0 usr/share/of-a-job/",
    ], done.stderr


def test_archives_of_other_users_unpack(folder_of_nobody: Path) -> None:
    script = "echo x > file; tar cf a.tar --owner=1234 --group=1234 file; rm file; tar xf a.tar; cat file"
    done = by_nobody(folder_of_nobody, *[script] * 2)
    assert (done.returncode, done.stdout, done.stderr) == (0, "x\n" * 2, "")


def test_what_a_job_leaves_in_tmp_is_removed_even_if_nobody_could_enter_it(folder_of_nobody: Path) -> None:
    script = """
    ! test -e /tmp/secret
    mkdir -p /tmp/secret/deep
    echo x > /tmp/secret/deep/file
    chmod 0 /tmp/secret
    """
    done = by_nobody(folder_of_nobody, *[script] * 2)
    assert (done.returncode, done.stderr) == (0, "")


def test_layers_of_a_user_lie_over_folders_of_root(folder_of_nobody: Path) -> None:
    layer = folder_of_nobody / "layer"
    (layer / "usr/local/bin").mkdir(parents=True)
    (layer / "usr/local/bin/greet").write_text("#!/bin/sh\necho hello\n")
    (layer / "usr/local/bin/greet").chmod(0o755)
    for path in (layer, *layer.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    script = "greet; echo x > /usr/local/bin/mine; rm /usr/local/bin/greet"
    done = by_nobody(folder_of_nobody, *[script] * 2, layers=[layer])
    assert (done.stdout, done.stderr) == ("hello\n" * 2, "")


def test_a_network_of_an_ordinary_user_holds_the_api_alone(folder_of_nobody: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:  # its port is free in the sandbox's network
        done = run_by_nobody(IN_A_NETWORK, folder_of_nobody, str(taken.getsockname()[1]))
    assert (done.stdout, done.stderr) == ("Network is unreachable\n", "")
