"""The names that spreadsheets and the exports of CRMs give to what a lead has."""

from __future__ import annotations

# From the exports of HubSpot, Salesforce (reports and Data Loader), Pipedrive, Zoho, Google and Outlook contacts, and
# lead forms; "E-mail" is "Email" to key_of. Where a file has several, the first one with a value counts, row by row.
NAMES: dict[str, tuple[str, ...]] = {
    "name": (
        "Name",
        "Full Name",
        "Lead Name",
        "Contact Name",
        "Person - Name",
        "Person",
        "Lead - Contact person",
        "Deal - Contact person",
        "Contact person",
        "Display Name",
    ),
    "first_name": ("First Name", "Person - First name", "Given Name", "Forename"),
    "last_name": ("Last Name", "Person - Last name", "Family Name", "Surname"),
    "email": (
        "Email",
        "Email Address",
        "Mail",
        "Work Email",
        "Business Email",
        "Primary Email",
        "Email ID",
        "Lead Email",
        "Contact Email",
        "Person - Email",
        "Person - Email - Work",
        "Person - Email - Home",
        "Person - Email - Other",
        "E-mail 1 - Value",
        "Secondary Email",
    ),
    "phone": (
        "Phone",
        "Phone Number",
        "Telephone",
        "Tel",
        "Work Phone",
        "Business Phone",
        "Primary Phone",
        "Contact Phone",
        "Person - Phone",
        "Person - Phone - Work",
        "Mobile",
        "Mobile Phone",
        "Mobile Phone Number",
        "Mobile Number",
        "Cell",
        "Cell Phone",
        "Person - Phone - Mobile",
        "Person - Phone - Home",
        "Person - Phone - Other",
        "Phone 1 - Value",
        "Home Phone",
    ),
    "company": (
        "Company",
        "Company Name",
        "Company / Account",
        "Account",
        "Account Name",
        "Associated Company",
        "Organization",
        "Organisation",
        "Organization Name",
        "Person - Organization",
        "Lead - Organization",
        "Deal - Organization",
        "Organization 1 - Name",
    ),
    "source": (
        "Source",
        "Lead Source",
        "Contact Source",
        "Original Source",
        "Original Traffic Source",
        "Lead - Source name",
        "Lead - Source channel",
    ),
    "message": (
        "Message",
        "Comments",
        "Comment",
        "Description",
        "Notes",
        "Note",
        "Person - Note",
        "Inquiry",
        "Enquiry",
    ),
}
FIELDS = tuple(NAMES)
MARKS = ("leadq_line", "leadq_reason")  # the columns that a file of rejects has before the others


def key_of(name: str) -> str:
    """What two spellings of a column's name share: letters and digits, whatever their case."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())
