"""The language that is being answered in: sentences, figures and times as its speakers write them.

English is the language of the source: an English sentence is the key of its translations, as in
GNU gettext. The command line and the HTTP API speak English, and so does everything here unless a
page has said `with speaking(language)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from gettext import NullTranslations

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal, format_percent

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
_AS_IT_IS = "#,##0." + "#" * 12


@dataclass(frozen=True, kw_only=True)
class Language:
    """A language and its catalogue."""

    tag: str
    """As in BCP 47: `de`, `pt-BR`."""
    locale: Locale
    translations: NullTranslations
    """Of English itself there are none: every sentence is its own."""

    @property
    def name(self) -> str:
        """Its own name for itself."""
        name = self.locale.get_display_name(self.locale) or self.tag
        return name[:1].upper() + name[1:]

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`, as HTML's `dir`."""
        return str(self.locale.text_direction)


ENGLISH = Language(tag="en", locale=Locale("en"), translations=NullTranslations())

_spoken: ContextVar[Language] = ContextVar("language", default=ENGLISH)


def spoken() -> Language:
    """The language of the page that is being made; English where none is."""
    return _spoken.get()


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Until its end everything here answers in that language."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


# -- sentences --------------------------------------------------------------------------------


def gettext(message: str) -> str:
    """The sentence in the language that is spoken."""
    return spoken().translations.gettext(message)


def ngettext(one: str, many: str, number: int) -> str:
    """The form of the sentence that goes with the number."""
    return spoken().translations.ngettext(one, many, number)


def pgettext(context: str, message: str) -> str:
    """A word whose translation depends on what it is said of."""
    return spoken().translations.pgettext(context, message)


def npgettext(context: str, one: str, many: str, number: int) -> str:
    return spoken().translations.npgettext(context, one, many, number)


def N_(message: str) -> str:  # noqa: N802 - what extractors of messages know it as
    """Marks a sentence that is translated where it is shown."""
    return message


# -- figures and times ------------------------------------------------------------------------


def decimal(number: float, digits: int = 0) -> str:
    """`1,234.5`, with so many digits after the point."""
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return _typographic(format_decimal(number, format=pattern, locale=spoken().locale))


def number(value: float, significant: int) -> str:
    """`0.31`: so many digits at the most, without zeros at the end."""
    text = format_decimal(f"{value:.{significant}g}", _AS_IT_IS, locale=spoken().locale)
    return _typographic(text)


def percent(share: float, digits: int = 0, optional: int = 0) -> str:
    """A share in hundredths: `12.5 %`; of `optional` digits more, zeros at the end are left out."""
    locale = spoken().locale
    # Pages in English put a space where CLDR has none.
    whole = f"#,##0{NO_BREAK_SPACE}%" if locale.language == "en" else _percent_pattern(locale)
    fraction = "0" * digits + "#" * optional
    pattern = whole.replace("#,##0", f"#,##0.{fraction}" if fraction else "#,##0")
    return _typographic(format_percent(share, format=pattern, locale=locale))


def moment(timestamp: str) -> str:
    """Date and time of day in UTC: what a reader without scripts sees."""
    when = datetime.fromisoformat(timestamp).astimezone(UTC)
    locale = spoken().locale
    day = format_date(when, "medium", locale=locale)
    return f"{day}, {format_skeleton('Hm', when, tzinfo=UTC, locale=locale)} UTC"


def capital(text: str) -> str:
    """With a capital at the beginning; the rest stays, since German writes nouns with one."""
    return text[:1].upper() + text[1:]


def listed(parts: list[str], last: str) -> str:
    """`a, b and c`, where `last` is `{some} and {last}` in the language that is spoken."""
    if len(parts) < 2:
        return "".join(parts)
    return last.format(some=", ".join(parts[:-1]), last=parts[-1])


def _percent_pattern(locale: Locale) -> str:
    return str(locale.percent_formats[None].pattern)


def _typographic(figure: str) -> str:
    return figure.replace("-", MINUS)
