"""The reader that judges dumps in other tests: it has to reject what the format forbids."""

from struct import pack

import bson
import pytest

from tests.independent_reader import MAGIC, TERMINATOR, Malformed, crc64, read

DOCUMENT = bson.encode({"_id": 1, "text": "ü"})
PRELUDE = (
    pack("<I", MAGIC)
    + bson.encode(
        {"concurrent_collections": 1, "version": "0.1", "server_version": "8.0.1", "tool_version": "100.10.0"}
    )
    + bson.encode({"db": "shop", "collection": "a", "metadata": "{}", "size": 0, "type": "collection"})
    + bson.encode({"db": "shop", "collection": "b", "metadata": "{}", "size": 0, "type": "timeseries"})
    + TERMINATOR
)


def segment(collection: str, *documents: bytes, checksum: int | None = None) -> bytes:
    header = {"db": "shop", "collection": collection, "EOF": checksum is not None, "CRC": bson.Int64(checksum or 0)}
    return bson.encode(header) + b"".join(documents) + TERMINATOR


OF_A = segment("a", DOCUMENT, DOCUMENT) + segment("a", DOCUMENT)
END_OF_A = segment("a", checksum=crc64(3 * DOCUMENT))
END_OF_B = segment("system.buckets.b", checksum=0)


def test_the_checksum_is_crc_64_xz() -> None:
    assert crc64(b"123456789") == 0x995DC9BBDF1939FA - (1 << 64)
    assert crc64(b"6789", crc64(b"12345")) == crc64(b"123456789")


def test_an_archive_is_read_byte_for_byte() -> None:
    archive = read(PRELUDE + OF_A + END_OF_A + END_OF_B)

    assert [(entry.db, entry.collection) for entry in archive.entries] == [("shop", "a"), ("shop", "b")]
    assert archive.documents == {("shop", "a"): 3 * [DOCUMENT], ("shop", "system.buckets.b"): []}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "magic"),
        (PRELUDE.replace(b"0.1\0", b"0.2\0"), "header"),
        (PRELUDE.replace(b"8.0.1", b"8.0-1"), "server's version"),
        (PRELUDE[:-4], "ends within"),
        (PRELUDE + OF_A + END_OF_A, "exactly one end"),
        (PRELUDE + OF_A + END_OF_B, "no end of"),
        (PRELUDE + OF_A + segment("b", DOCUMENT), "2 namespaces are open"),
        (PRELUDE + OF_A + segment("a", checksum=1), "checksum of"),
        (PRELUDE + OF_A + END_OF_A + segment("a"), "goes on after its end"),
        (PRELUDE + OF_A + END_OF_A + END_OF_A, "goes on after its end"),
        (PRELUDE + OF_A + END_OF_A + END_OF_B + segment("b", checksum=0), "exactly one end"),
        (PRELUDE + OF_A + END_OF_A + TERMINATOR, "second terminator"),
        (PRELUDE + OF_A + segment("c"), "not in the prelude"),
        (PRELUDE + OF_A + END_OF_A[:-4] + DOCUMENT + TERMINATOR, "documents in its end"),
        (PRELUDE + OF_A[:-3], "ends within"),
        (PRELUDE + OF_A.replace(DOCUMENT, DOCUMENT[:-1] + b"x", 1), "no document"),
    ],
)
def test_an_archive_that_breaks_a_rule_is_rejected(data: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        read(data)
