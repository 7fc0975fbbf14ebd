"""Which column of a file holds what."""

from __future__ import annotations

import pytest

from leadq.errors import InvalidInput
from leadq.lead_import.columns import columns_of, recognised
from leadq.lead_import.names import FIELDS, NAMES, key_of
from leadq.leads import NewLead

# headers as the programs write them, and a row; some columns apart
EXPORTS = {
    "HubSpot": (
        "Record ID,First Name,Last Name,Email,Phone Number,Contact owner,Lead Status,Associated Company,"
        "Original Traffic Source,Message",
        "901,Bo,Li,bo@example.com,555 1,Ana,Open,Acme,Organic Search,Call me",
    ),
    "Salesforce": (
        "Lead Owner,First Name,Last Name,Title,Company / Account,Lead Source,Rating,Email,Phone,Description",
        "Ana,Bo,Li,CEO,Acme,Web,Hot,bo@example.com,555 1,Call me",
    ),
    "Salesforce Data Loader": (
        "ID,LASTNAME,FIRSTNAME,COMPANY,MOBILEPHONE,EMAIL,LEADSOURCE,DESCRIPTION",
        "00Q,Li,Bo,Acme,555 1,bo@example.com,Web,Call me",
    ),
    "Pipedrive": (
        "Person - Name,Person - Organization,Person - Phone - Work,Person - Phone - Mobile,Person - Email - Work,"
        "Person - Email - Home,Person - Note,Lead - Source",
        "Bo Li,Acme,,555 1,,bo@example.com,Call me,Web",
    ),
    "Zoho": (
        "Lead Id,Lead Owner,Company,First Name,Last Name,Email,Secondary Email,Phone,Mobile,Lead Source,Description",
        "zcrm_1,Ana,Acme,Bo,Li,bo@example.com,x@example.com,555 1,555 2,Web,Call me",
    ),
    "Google": (
        "Given Name,Family Name,Notes,E-mail 1 - Value,Phone 1 - Value,Organization 1 - Name",
        "Bo,Li,Call me,bo@example.com,555 1,Acme",
    ),
    "a lead form": (
        "full_name,email,phone_number,company_name,lead_source,comments",
        "Bo Li,bo@example.com,555 1,Acme,Web,Call me",
    ),
    "leadq": ("name,email,phone,company,source,message", "Bo Li,bo@example.com,555 1,Acme,Web,Call me"),
}


@pytest.mark.parametrize("program", EXPORTS)
def test_the_exports_of_others_are_understood(program: str) -> None:
    header, row = (line.split(",") for line in EXPORTS[program])
    lead = columns_of(header).lead_of(row)
    assert (lead.name, lead.email, lead.phone, lead.company, lead.message) == (
        "Bo Li",
        "bo@example.com",
        "555 1",
        "Acme",
        "Call me",
    )
    assert lead.source == {"HubSpot": "Organic Search", "Google": ""}.get(program, "Web")


def test_no_two_fields_share_a_name() -> None:
    keys = [key_of(name) for names in NAMES.values() for name in names]
    assert [key for key in set(keys) if keys.count(key) > 1] == []


@pytest.mark.parametrize("spelling", ["E-Mail", "e_mail", " EMAIL ", "e mail", "Email"])
def test_case_blanks_and_signs_do_not_matter(spelling: str) -> None:
    assert columns_of(["Name", spelling]).places["email"] == (1,)


def lead(header: str, row: str, *mapping: tuple[str, str]) -> NewLead:
    return columns_of(header.split(","), mapping).lead_of(row.split(","))


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("Bo,Li,", "Bo Li"),
        ("Bo,,", "Bo"),
        (",Li,", "Li"),
        (",,", ""),
        ("Bo,Li,Dr. Bo Li", "Dr. Bo Li"),
        (" Bo , ,", "Bo"),
    ],
)
def test_first_and_last_name_make_a_name_where_there_is_none(row: str, name: str) -> None:
    assert lead("First Name,Last Name,Full Name,Email", row + ",bo@example.com").name == name


def test_the_first_column_that_has_a_value_counts_the_most_usual_name_first() -> None:
    header = "Name,Mobile,Phone,Email"
    assert lead(header, "Bo,1,2,bo@example.com").phone == "2"
    assert lead(header, "Bo,1,,bo@example.com").phone == "1"


def test_a_mapping_beats_what_names_say() -> None:
    header, row = "Name,Email,Contact,Login,Company", "Bo,bo@example.com,Zoë,zoe@example.com,Acme"
    mapped = lead(header, row, ("contact", "name"), ("LOGIN", "email"), ("Company", "source"))
    assert (mapped.name, mapped.email, mapped.company, mapped.source) == ("Zoë", "zoe@example.com", "", "Acme")


@pytest.mark.parametrize(
    ("mapping", "name"),
    [
        ([("Vorname", "first_name")], "Bo Li"),
        ([("Vorname", "name")], "Bo"),
        ([("Vorname", "last_name"), ("Ort", "first_name")], "Ulm Bo"),
        ([("Ort", "name"), ("Vorname", "name")], "Ulm"),
    ],
)
def test_a_mapped_part_of_the_name_beats_the_whole_one(mapping: list[tuple[str, str]], name: str) -> None:
    assert lead("Name,Vorname,Last Name,Ort,Email", "X,Bo,Li,Ulm,bo@example.com", *mapping).name == name


def test_a_mapped_column_is_that_whose_spelling_is_the_same_where_two_are_alike() -> None:
    assert lead("Name,e mail,email", "Bo,a@example.com,b@example.com", ("e mail", "email")).email == "a@example.com"


def test_columns_that_mean_nothing_are_named() -> None:
    assert columns_of(["leadq_line", "leadq_reason", "Name", "Website", "", "Email", "City"]).ignored == (
        "Website",
        "City",
    )


@pytest.mark.parametrize(
    ("header", "missing", "example"),
    [
        ("a,b", "name or email", "--map a=name"),
        ("Name,Postal Address", "email", "--map Name=email"),
        ("Email,x", "name", "--map Email=name"),
        ("It's,x", "name or email", "--map 'It'\"'\"'s=name'"),
    ],
)
def test_without_name_and_address_it_says_what_was_found_and_what_to_type(
    header: str, missing: str, example: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        columns_of(header.split(","))
    assert error.value.message == (
        f"no column for the lead's {missing} was found; the columns are {header.replace(',', ', ')}"
    )
    assert str(error.value.hint).endswith(example)


def test_a_long_header_is_not_told_whole() -> None:
    with pytest.raises(InvalidInput, match=r"the columns are c0, c1, .*, c11 and 88 more$"):
        columns_of([f"c{number}" for number in range(100)])


def test_a_mapped_column_that_is_not_there_is_an_error() -> None:
    with pytest.raises(InvalidInput, match=r"^there is no column 'Nmae'; the columns are Name, Email$"):
        columns_of(["Name", "Email"], [("Nmae", "name")])


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("Bo", "it has 1 field: expected 2, as the first line has"),
        ("Bo,bo@example.com,more", "it has 3 fields: expected 2, as the first line has"),
        ("Bo, ", "the lead's email is empty"),
    ],
)
def test_a_row_of_another_width_is_refused(row: str, complaint: str) -> None:
    with pytest.raises(InvalidInput) as error:
        lead("Name,Email", row)
    assert error.value.message == complaint


def test_empty_fields_beyond_the_last_column_do_no_harm() -> None:
    assert lead("Name,Email,,", "Bo,bo@example.com").name == "Bo"
    assert lead("Name,Email", "Bo,bo@example.com,, ").name == "Bo"


def test_the_columns_of_an_earlier_run_are_left_out_wherever_they_are() -> None:
    columns = columns_of(["Name", "leadq_reason", "Email", "leadq_line"])
    assert columns.names == ("Name", "Email")
    assert columns.own(["Bo", "bad", "bo@example.com", "7", "more"]) == ["Bo", "bo@example.com", "more"]
    assert columns.own(["Bo"]) == ["Bo"]
    assert columns.lead_of(["Bo", "bad", "bo@example.com", "7"]).email == "bo@example.com"


def test_fields_are_counted_once() -> None:
    assert recognised(["Email", "E-mail", "Phone", "x", ""]) == 2
    assert set(FIELDS) >= {"name", "email", "phone", "company", "source", "message"}
