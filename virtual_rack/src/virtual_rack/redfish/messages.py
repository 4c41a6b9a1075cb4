# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service says: messages of DMTF's Base registry, and the error that carries them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]
_REGISTRY = "Base.1.18.1"

# Per message: what it says, with %1, %2 for its arguments; severity; what to do.
MESSAGES: Mapping[str, tuple[str, str, str]] = {
    "Success": ("The request completed successfully.", "OK", "None."),
    "NoValidSession": ("There is no valid session with the implementation.", "Critical", "Log in."),
    "InsufficientPrivilege": ("The account has not the privilege.", "Critical", "Use another account."),
    "PasswordChangeRequired": ("The password of %1 must be changed first.", "Critical", "PATCH its Password."),
    "SessionLimitExceeded": ("The number of sessions is at its limit.", "Critical", "Delete sessions."),
    "ResourceMissingAtURI": ("The resource at the URI %1 was not found.", "Critical", "Give another URI."),
    "ResourceAlreadyExists": ("A resource of type %1 with %2 = %3 exists already.", "Critical", "Give another value."),
    "ResourceCannotBeDeleted": ("The resource cannot be deleted.", "Critical", "Leave it."),
    "ResourceInUse": ("The resource is in use or in transition.", "Warning", "Try again later."),
    "OperationNotAllowed": ("The HTTP method is not allowed on this resource.", "Critical", "Use another method."),
    "UnsupportedMethod": ("The HTTP method %1 is not implemented.", "Critical", "Use another method."),
    "MalformedJSON": ("The body could not be read as a JSON object.", "Critical", "Send a JSON object."),
    "UnsupportedMediaType": ("The media type %1 is not taken.", "Critical", "Send application/json."),
    "PreconditionFailed": ("The ETag does not match.", "Critical", "Read the resource again."),
    "HeaderInvalid": ("The header %1 is invalid.", "Critical", "Correct the header."),
    "QueryParameterUnsupported": ("The query parameter %1 is not supported.", "Warning", "Leave it out."),
    "QueryParameterValueFormatError": ("The value %1 of query parameter %2 is wrong.", "Warning", "Correct it."),
    "NoOperation": ("The request changes nothing.", "Warning", "Name what shall change."),
    "PropertyUnknown": ("The property %1 is not in the list of valid properties.", "Warning", "Leave it out."),
    "PropertyNotWritable": ("The property %1 is read-only.", "Warning", "Leave it out."),
    "PropertyMissing": ("The property %1 is required.", "Warning", "Give it."),
    "PropertyValueTypeError": ("The value %1 for the property %2 is of another type.", "Warning", "Correct it."),
    "PropertyValueNotInList": ("The value %1 for the property %2 is not acceptable.", "Warning", "Choose another."),
    "PropertyValueOutOfRange": ("The value %1 for the property %2 is out of range.", "Warning", "Correct it."),
    "PropertyValueError": ("The value for the property %1 is not acceptable.", "Warning", "Correct it."),
    "PropertyValueConflict": ("The property %1 conflicts with %2.", "Warning", "Choose another value."),
    "ActionParameterMissing": ("The action %1 requires the parameter %2.", "Critical", "Give it."),
    "ActionParameterValueNotInList": ("The value %1 for %2 of %3 is not acceptable.", "Warning", "Choose another."),
    "ServiceTemporarilyUnavailable": ("The service is unavailable; try again in %1 seconds.", "Critical", "Wait."),
    "ResetRequired": ("A reset of %1 is required.", "Warning", "Reset it with ResetType %2."),
    "ResourceAtUriUnauthorized": ("The resource at %1 could not be used.", "Critical", "Check the URI."),
    "CreateLimitReachedForResource": ("No more resources of this kind can be made.", "Critical", "Delete one."),
    "GeneralError": ("%1", "Critical", "See the message."),
}


def message(key: str, *arguments: object, related: str = "") -> Json:
    """Make one message; `related` is the property that it is about, as a JSON pointer without `#/`."""
    text, severity, resolution = MESSAGES[key]
    words = [str(argument) for argument in arguments]
    for number, word in enumerate(words, start=1):
        text, resolution = text.replace(f"%{number}", word), resolution.replace(f"%{number}", word)
    made: Json = {
        "@odata.type": "#Message.v1_2_1.Message",
        "MessageId": f"{_REGISTRY}.{key}",
        "Message": text,
        "MessageArgs": words,
        "MessageSeverity": severity,
        "Resolution": resolution,
    }
    if related:
        made["RelatedProperties"] = [f"#/{related}"]
    return made


class RedfishError(Exception):
    """A request that is answered with an error: HTTP status, messages and headers."""

    def __init__(self, status: int, messages: Sequence[Json], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status}: {messages[0]['Message']}")
        self.status = status
        self.messages = list(messages)
        self.headers = dict(headers or {})

    def to_json(self) -> Json:
        """Give the body of the answer."""
        first = self.messages[0]
        code, text = first["MessageId"], first["Message"]
        if len(self.messages) > 1:
            code, text = f"{_REGISTRY}.GeneralError", "There are several errors; see @Message.ExtendedInfo."
        return {"error": {"code": code, "message": text, "@Message.ExtendedInfo": self.messages}}


def refused(status: int, key: str, *arguments: object, related: str = "", **headers: str) -> RedfishError:
    """Make an error of one message; a header's name is written with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return RedfishError(status, [message(key, *arguments, related=related)], named)


def registry() -> Json:
    """Give the registry of all messages that the service knows."""
    return {
        "@odata.type": "#MessageRegistry.v1_6_2.MessageRegistry",
        "Id": _REGISTRY,
        "Name": "Base Message Registry",
        "Language": "en",
        "RegistryPrefix": "Base",
        "RegistryVersion": "1.18.1",
        "OwningEntity": "DMTF",
        "Messages": {key: _described(key) for key in MESSAGES},
    }


def _described(key: str) -> Json:
    text, severity, resolution = MESSAGES[key]
    count = sum(f"%{number}" in text for number in range(1, 5))
    return {
        "Description": text,
        "Message": text,
        "MessageSeverity": severity,
        "NumberOfArgs": count,
        "ParamTypes": ["string"] * count,
        "Resolution": resolution,
    }
