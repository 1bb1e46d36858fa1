"""Columns that look like data about people, told from their headers and the form of their values.

What is found is named and made up anew by Faker. It is a filter for the obvious, not a proof of anonymity: the comment
in the spec says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from ipaddress import ip_address
from itertools import pairwise
from typing import Any

from synthspec.lazy_dataclass import dataclass
from synthspec.profiling.columns.given_names import GIVEN_NAMES

MOST = 2000  # values looked at


@dataclass(frozen=True, slots=True)
class PersonalKind:
    """A kind of personal data: what to call it, Faker's provider, and a pattern where Faker is not installed.

    `shape` tells a value by itself. A header with one of `words` suffices where most values fit `loose`; `proof` is
    the share of values that must have the shape where the header says nothing, above 1 where it never suffices.
    """

    name: str
    provider: str
    pattern: str
    shape: Callable[[str], bool]
    words: frozenset[str] = frozenset()
    proof: float = 0.6
    loose: Callable[[str], bool] | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Personal:
    """What a column looks like, and the share of its values that do."""

    kind: PersonalKind
    share: float


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


_EMAIL = r"[\w.+%'-]{1,64}@[\w-]+(\.[\w-]+)+"
_PHONE = r"(\+|00)?[\d\s().\-/]{7,22}(\s?(x|ext\.?)\s?\d{1,6})?"
_WORD = r"[^\W\d_][\w'’.-]*"


def luhn(text: str) -> bool:
    """Whether the digits of a text are those of a payment card: 13 to 19 with the right check digit (ISO/IEC 7812).

    >>> luhn("4111 1111 1111 1111"), luhn("4111 1111 1111 1112")
    (True, False)
    """
    digits = [int(c) for c in text if c.isdigit()]
    if not 13 <= len(digits) <= 19 or not re.fullmatch(r"[\d -]+", text) or len(set(digits)) < 2:
        return False
    doubled = [d if i % 2 == 0 else (2 * d - 9 if d > 4 else 2 * d) for i, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def iban(text: str) -> bool:
    """Whether a text is an account number with the right check digits (ISO 13616, modulo 97)."""
    packed = text.replace(" ", "").upper()
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", packed):
        return False
    return int("".join(str(int(c, 36)) for c in packed[4:] + packed[:4])) % 97 == 1


def _ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return not text.isdigit()


def _phone(text: str) -> bool:
    digits = sum(c.isdigit() for c in text)
    return (
        7 <= digits <= 15
        and re.fullmatch(_PHONE, text) is not None
        and any(c in "+()- ./" for c in text)
        and not re.fullmatch(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}", text)
        and not re.fullmatch(r"\d+\.\d+", text)
        and not re.fullmatch(r"\d{1,4}([.]\d{1,3}){1,3}", text)
    )


def _spanish_id(text: str) -> bool:
    packed = text.replace("-", "").replace(" ", "").upper()
    if not re.fullmatch(r"[XYZ\d]\d{7}[A-Z]", packed):
        return False
    number = int({"X": "0", "Y": "1", "Z": "2"}.get(packed[0], packed[0]) + packed[1:8])
    return "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == packed[8]


def _national_id(text: str) -> bool:
    return (
        re.fullmatch(r"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}", text) is not None  # of the United States
        or re.fullmatch(r"[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]", text) is not None  # of the United Kingdom
        or re.fullmatch(r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", text) is not None  # of Italy
        or re.fullmatch(r"[12] ?\d{2} ?(0[1-9]|1[0-2]) ?\d{2} ?\d{3} ?\d{3} ?\d{2}", text) is not None  # of France
        or _spanish_id(text)
    )


def _address(text: str) -> bool:
    street = (
        r"(?i)\b(street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|square|rue|calle|avenida|plaza|"
    )
    street += r"via|viale|piazza|rua|\w*stra(ß|ss)e|\w*str|\w*platz|\w*weg|\w*straat)\b\.?"
    return re.search(r"\d", text) is not None and re.search(street, text) is not None and len(text) <= 200


def _name(text: str) -> bool:
    """A given name of a list, with one to three more words of letters."""
    words = text.replace(",", " ").split()
    return 2 <= len(words) <= 5 and all(re.fullmatch(_WORD, w) for w in words) and any(
        w.casefold().strip(".") in GIVEN_NAMES for w in words
    )  # fmt: skip


def _given(text: str) -> bool:
    return text.strip().casefold() in GIVEN_NAMES


def _words(most: int) -> Callable[[str], bool]:
    def fits(text: str) -> bool:
        words = text.replace(",", " ").split()
        return 1 <= len(words) <= most and all(re.fullmatch(_WORD, w) and w[0].isupper() for w in words)

    return fits


_SECURE = _matches(r"\S.{0,199}")
KINDS = (
    PersonalKind("e-mail addresses", "email", "[a-z]{4,9}[.][a-z]{4,9}@example[.](com|org|net)", _matches(_EMAIL),
                 frozenset({"email", "mail", "e_mail"}), 0.5, _matches(_EMAIL)),
    PersonalKind("payment card numbers", "credit_card_number", "4[0-9]{15}", luhn,
                 frozenset({"card", "creditcard", "pan", "cc"}), 0.7, _matches(r"[\d -]{12,23}")),
    PersonalKind("bank account numbers", "iban", "GB[0-9]{2}[A-Z]{4}[0-9]{14}", iban,
                 frozenset({"iban", "account_number", "konto"}), 0.5, _matches(r"[A-Z]{2}\d{2}[A-Z0-9 ]{11,36}")),
    PersonalKind("IP addresses", "ipv4", "192[.]0[.]2[.](1[0-9]{2}|[1-9]?[0-9])", _ip, frozenset({"ip"}), 0.8, _ip),
    PersonalKind("national identity numbers", "ssn", "9[0-9]{2}-[0-9]{2}-[0-9]{4}", _national_id,
                 frozenset({"ssn", "nif", "dni", "nie", "nino", "cpf", "bsn", "passport", "social_security",
                            "national_id", "tax_id", "steuer_id"}), 0.7, _SECURE),
    PersonalKind("phone numbers", "phone_number", r"[+]1-555-01[0-9]{2}-[0-9]{4}", _phone,
                 frozenset({"phone", "telephone", "mobile", "fax", "tel", "cell", "phonenumber", "telefono",
                            "telefon"}), 0.8, _matches(r"[+()\d\s.\-/x]{6,25}")),
    PersonalKind("postal addresses", "street_address", r"[1-9][0-9]{0,2} (Oak|Mill|Park|Church) (Street|Road|Lane)",
                 _address, frozenset({"address", "street", "addr", "direccion", "adresse"}), 0.6,
                 _matches(r".*[\d\s].*")),
    PersonalKind("given names", "first_name", "(Alex|Robin|Sam|Kim|Noa|Jules|Sasha|Toni)", _given,
                 frozenset({"first_name", "firstname", "given_name", "forename", "fname", "vorname", "prenom",
                            "givenname"}), 0.6, _words(3)),
    PersonalKind("family names", "last_name", "(Miller|Baker|Fisher|Potter|Mason|Carter)", lambda _: False,
                 frozenset({"last_name", "lastname", "surname", "family_name", "lname", "nachname", "apellido",
                            "apellidos", "familyname"}), 2.0, _words(4)),
    PersonalKind("names of people", "name", "(Alex|Robin|Sam|Kim|Noa|Jules) (Miller|Baker|Fisher|Potter|Mason)", _name,
                 frozenset({"full_name", "fullname", "customer_name", "person", "patient", "patient_name", "employee",
                            "employee_name", "contact_name", "client_name", "student_name", "author", "nombre",
                            "doctor", "user_full_name", "contact", "owner_name", "member_name", "passenger",
                            "passenger_name", "cardholder", "recipient", "teacher", "candidate"}), 0.45, _words(5)),
    PersonalKind("user names", "user_name", "[a-z]{4,8}[0-9]{2}", lambda _: False,
                 frozenset({"username", "user_name", "login", "nickname", "screen_name", "handle"}), 2.0,
                 _matches(r"\S{2,40}")),
)  # fmt: skip

SENSITIVE = {
    "birth": "birth dates, with other columns, point to people",
    "birthdate": "birth dates, with other columns, point to people",
    "dob": "birth dates, with other columns, point to people",
    "birthday": "birth dates, with other columns, point to people",
    "zip": "postcodes, with other columns, point to people",
    "postcode": "postcodes, with other columns, point to people",
    "latitude": "coordinates can point to homes",
    "longitude": "coordinates can point to homes",
}

_IN_TEXT = tuple(
    re.compile(p)
    for p in (
        r"[\w.+-]+@[\w-]+\.[\w.]+",
        r"(?<![\w.])(\+\d{1,3}[\s.-]?)?(\(\d{2,4}\)|\d{2,4})[\s.-]\d{3,4}[\s.-]\d{3,4}(?![\w])",
        r"(?<![\w.])\+\d{9,14}(?!\d)",
        r"\b[A-Z]{2}\d{2}(\s?[A-Z0-9]{4}){3,7}\b",
        r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)",
    )
)
_DIGITS = re.compile(r"(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)")


def personal_kind(header: str, values: Sequence[Any]) -> Personal | None:
    """The kind of personal data that a column's values look like; None where they look like none."""
    texts = [str(v).strip() for v in values[:MOST] if isinstance(v, str | int) and not isinstance(v, bool)]
    if not texts:
        return None
    words = _header_words(header)
    for kind in KINDS:
        share = sum(map(kind.shape, texts)) / len(texts)
        named = bool(words & kind.words)
        loose = sum(map(kind.loose, texts)) / len(texts) if named and kind.loose is not None else 0.0
        if (share >= kind.proof and (len(set(texts)) > 2 or share == 1)) or loose >= 0.7:
            return Personal(kind, max(share, loose))
    if header.strip().casefold() in ("name", "names", "nom", "nombre", "naam"):
        return _bare_name(texts)
    return None


def kind_by_header(header: str) -> PersonalKind | None:
    """The kind of personal data that a header alone promises."""
    words = _header_words(header)
    return next((k for k in KINDS if words & k.words), None)


def _bare_name(texts: Sequence[str]) -> Personal | None:
    """A column that is only called `name`: of people where many values are two or three capitalised words."""
    kind = next(k for k in KINDS if k.provider == "name")
    people = _words(4)
    share = sum(people(t) and len(t.split()) > 1 for t in texts) / len(texts)
    given = sum(any(w.strip(".,").casefold() in GIVEN_NAMES for w in t.split()) for t in texts) / len(texts)
    return Personal(kind, share) if given >= 0.15 or (share >= 0.8 and len(set(texts)) > 0.8 * len(texts)) else None


def sensitive(header: str) -> str:
    """Why a column may point to people though its values are made up anew; "" where it may not."""
    return next((SENSITIVE[w] for w in _header_words(header) if w in SENSITIVE), "")


def tells_of_people(text: str) -> bool:
    """Whether a running text holds an e-mail address, a phone, card, account or identity number."""
    if any(p.search(text) for p in _IN_TEXT):
        return True
    return any(luhn(m.group()) for m in _DIGITS.finditer(text))


def _header_words(header: str) -> frozenset[str]:
    """The words of a header, and its neighbouring pairs: `customerEmail` has `email`, `First Name` `first_name`."""
    apart = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", header)
    words = [w for w in re.split(r"[^a-z0-9]+", apart.casefold()) if w]
    pairs = ["_".join(p) for p in pairwise(words)]
    return frozenset([*words, *pairs, "".join(words)])
