import base64
import hashlib
import hmac
import uuid


def sign(secret: bytes, payload: bytes) -> str:
    return "sha256=" + hmac.new(secret, payload, hashlib.sha256).hexdigest()


def chunks(data: bytes, size: int):
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def workflow(document: bytes):
    "use workflow"
    digest = hashlib.sha256()
    parts = []
    for number, part in enumerate(chunks(document, 4)):
        digest.update(part)
        parts.append(await steps.upload_part(number, part))
    key = hashlib.md5(document).hexdigest()
    encoded = base64.urlsafe_b64encode(document).decode("ascii").rstrip("=")
    restored = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    frame = len(document).to_bytes(4, "big") + bytearray(reversed(document)) + bytes([0, 255])
    signature = sign(b"secret", document)
    return {
        "parts": parts, "sha": digest.hexdigest()[:16], "md5": key[-8:], "same": restored == document, "encoded": encoded,
        "length": int.from_bytes(frame[:4], "big"), "hex": frame[4:8].hex(" "), "tail": list(frame[-2:]),
        "signature": signature[:15], "ok": hmac.compare_digest(signature, sign(b"secret", restored)),
        "uuid5": str(uuid.uuid5(uuid.NAMESPACE_URL, "https://example.org")), "text": "naïve €".encode("utf-8").decode("latin-1"),
        "errors": b"\xff\xfea".decode("utf-8", errors="replace"), "utf16": "hé".encode("utf-16-le"), "split": b"a,b".split(b","),
        "find": document.find(b"l"), "title": document.title(), "b32": base64.b32encode(b"hi"), "translate": "abc".translate(str.maketrans("ab", "xy")),
    }
