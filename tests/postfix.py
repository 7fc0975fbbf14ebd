"""A Postfix of the tests' own: on a port of its own, all its files in a temporary folder, gone when they end.

It takes mail for example.org alone and puts it into one Maildir; nothing leaves the machine. It is as strict about the
protocol as it can be set: bare line feeds and commands sent out of turn are refused.
"""

from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from tests.mariadb import KEEPER, free_port
from tests.smtp_servers import HOST

DAEMONS = Path("/usr/lib/postfix/sbin")
QUEUE_FOLDERS = (
    "active",
    "bounce",
    "corrupt",
    "defer",
    "deferred",
    "flush",
    "hold",
    "incoming",
    "private",
    "saved",
    "trace",
)
START_SECONDS = 20
RECIPIENT_DOMAIN = "example.org"

MAIN = """\
compatibility_level = 3.6
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = {daemons}
myhostname = mx.{domain}
mydestination =
inet_interfaces = {host}
inet_protocols = ipv4
mynetworks = 192.0.2.1/32
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}
virtual_mailbox_maps = static:mail/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
default_transport = error:nothing leaves this machine
relay_transport = error:nothing leaves this machine
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_relay_restrictions = reject_unauth_destination
smtpd_helo_required = yes
smtpd_helo_restrictions = reject_invalid_helo_hostname, reject_non_fqdn_helo_hostname
smtpd_sender_restrictions = reject_non_fqdn_sender
smtpd_data_restrictions = reject_unauth_pipelining
smtpd_forbid_bare_newline = yes
smtpd_forbid_unauth_pipelining = yes
strict_rfc821_envelopes = yes
strict_7bit_headers = yes
smtpd_tls_chain_files = {key_and_certificate}
smtpd_tls_security_level = may
"""

MASTER = """\
{host}:{port} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
"""


def is_installed() -> bool:
    """Whether there is a Postfix."""
    return (DAEMONS / "master").exists()


class PostfixServer:
    """A server that runs from `with` to the end of the block.

    Args:
        key_and_certificate: PEM file, for STARTTLS.
    """

    def __init__(self, key_and_certificate: Path) -> None:
        self.port = free_port()
        self._pem = key_and_certificate

    def __enter__(self) -> PostfixServer:
        memory = Path("/dev/shm")
        parent = memory if os.access(memory, os.W_OK) else None
        self.folder = Path(tempfile.mkdtemp(prefix="leadq-", dir=parent))
        self._keeper = subprocess.Popen(
            ["sh", "-c", KEEPER, "sh", str(self.folder)],
            stdin=subprocess.PIPE,
            bufsize=0,
            stderr=subprocess.DEVNULL,  # at a good end there is nothing left to kill
            start_new_session=True,  # Ctrl-C is for the tests
        )
        try:
            self._install()
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "_process"):
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait()
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait()

    def delivered(self) -> list[bytes]:
        """The mails in the Maildir, without what Postfix has put above them and with line endings as we sent them."""
        mails = [path.read_bytes().replace(b"\n", b"\r\n") for path in (self.folder / "mail" / "new").glob("*")]
        return [mail[mail.index(b"\r\nFrom: ") + 2 :] for mail in mails]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def _install(self) -> None:
        postfix, receiver = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
        self.folder.chmod(0o755)
        for name in ("conf", "queue", "queue/pid"):
            (self.folder / name).mkdir()
        for name in ("data", "queue/public", "queue/maildrop", *(f"queue/{name}" for name in QUEUE_FOLDERS)):
            (self.folder / name).mkdir(mode=0o700)
            os.chown(self.folder / name, postfix.pw_uid, postfix.pw_gid)
        (self.folder / "mail").mkdir()
        os.chown(self.folder / "mail", receiver.pw_uid, receiver.pw_gid)
        values = {
            "folder": self.folder,
            "daemons": DAEMONS,
            "domain": RECIPIENT_DOMAIN,
            "host": HOST,
            "port": self.port,
            "uid": receiver.pw_uid,
            "gid": receiver.pw_gid,
            "key_and_certificate": self._pem,
        }
        for name, template in (("main.cf", MAIN), ("master.cf", MASTER)):
            (self.folder / "conf" / name).write_text(template.format(**values), encoding="utf-8")

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [DAEMONS / "master", "-c", self.folder / "conf", "-d"],
            env={"PATH": os.environ["PATH"], "MAIL_CONFIG": str(self.folder / "conf")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(f"{self._process.pid}\n".encode())
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, f"Postfix ended with exit code {self._process.returncode}"
            assert time.monotonic() < until, f"no answer within {START_SECONDS} s"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=5) as client:
                return client.recv(4) == b"220 "
        except OSError:
            return False
