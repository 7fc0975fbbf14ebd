"""PyMySQL is there without cryptography, until a login needs that: shown in processes that have imported neither."""

from __future__ import annotations

import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

DRIVER = "from leadq.store.pymysql_alone import import_pymysql; driver = import_pymysql()"
LOADED = "import sys; print('cryptography' in sys.modules)"
LOGIN = "from pymysql._auth import sha2_rsa_encrypt; print(sha2_rsa_encrypt(b'secret', bytes(20), KEY).hex())"


def python(*lines: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, encoding="utf-8", check=True)
    return done.stdout.split()


def test_the_driver_does_without_cryptography() -> None:
    assert python(DRIVER, LOADED, "print(driver.__name__)") == ["False", "pymysql"]


@pytest.mark.parametrize("first", ["pass", "import cryptography", "import pymysql"])
def test_a_login_that_needs_it_has_it(first: str) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    encrypted, loaded = python(first, DRIVER, f"KEY = {public!r}", LOGIN, LOADED)
    oaep = padding.OAEP(mgf=padding.MGF1(algorithm=hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
    assert key.decrypt(bytes.fromhex(encrypted), oaep) == b"secret\0"  # with a salt of zeros it stays as it is
    assert loaded == "True"


def test_whoever_imports_cryptography_later_has_the_real_one() -> None:
    real = "from cryptography.hazmat.primitives import hashes"
    same = "from pymysql import _auth; print(_auth.hashes.SHA1 is hashes.SHA1)"
    assert python(DRIVER, real, same) == ["True"]
