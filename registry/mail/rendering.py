"""From a template to a message.

Templates are written by people of an organisation, so that they can do little: show variables of a closed list, and
leave parts out by a condition. No loops, calls, attributes or filters, and so neither code nor endless output.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jinja2 import Environment, StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from registry.errors import RegistryError
from registry.mail.kinds import Value, samples, variables_of

Values = Mapping[str, Value]
"""Values of variables by name."""

SUBJECT_LENGTH = 300
PART_LENGTH = 50_000
VALUE_LENGTH = 2_000
MOST_LINES = 200
_BREAK = Markup("<br>\n")

_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Compare,
    nodes.Operand,
)


def _environment(*, escape: bool) -> Environment:
    environment = ImmutableSandboxedEnvironment(
        autoescape=escape, undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.globals.clear()
    return environment


_PLAIN = _environment(escape=False)
"""For subject and plain text, which no reader takes for HTML."""

_HTML = _environment(escape=True)


@dataclass(frozen=True, slots=True)
class Source:
    """A template's parts, as written.

    Attributes:
        subject: One line.
        text: The plain text.
        html: The same as HTML.
    """

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message's parts, as the recipient sees them. They may hold a link that lets somebody in: never print one."""

    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)


def check_source(kind: str, source: Source) -> None:
    """Refuses a template that could not be sent.

    Args:
        kind: Type of the message.
        source: The template.

    Raises:
        RegistryError: A part is empty, too long or no template; it uses a variable that its type does not have, or
            lacks the one the message is about.
    """
    known = variables_of(kind)
    if _unprintable(source.subject):
        raise RegistryError("The subject holds a line break or another control character; it is a single line.")
    for part, limit in (("subject", SUBJECT_LENGTH), ("text", PART_LENGTH), ("html", PART_LENGTH)):
        content = getattr(source, part)
        if not content.strip():
            raise RegistryError(f"The {part} is empty; a message has subject, text and HTML.")
        if len(content) > limit:
            raise RegistryError(f"The {part} has {len(content)} characters; it may have {limit}.")
        used = _variables(part, content)
        unknown = sorted(used - set(known))
        if unknown:
            raise RegistryError(
                f"The {part} uses {', '.join(unknown)}, which messages of the type {kind} do not have; they have "
                f"{', '.join(known)}."
            )
        if part == "subject" and (lists := sorted(name for name in used if known[name].lines)):
            raise RegistryError(f"The subject shows {', '.join(lists)}, which has many lines; it is a single line.")
        lacking = sorted(name for name, variable in known.items() if variable.essential and name not in used)
        if lacking and part != "subject":
            raise RegistryError(f"The {part} does not show {{{{ {lacking[0]} }}}}, which the message is about.")
    render(kind, source, samples(kind))


def check_values(kind: str, values: Values) -> dict[str, Value]:
    """Refuses values that do not make a message.

    Args:
        kind: Type of the message.
        values: Values of its variables; optional ones may be left out.

    Returns:
        A value for each variable, empty for those left out.

    Raises:
        RegistryError: One is missing, unknown, too long or spans lines, or a link is none. The text names the variable,
            never its value.
    """
    known = variables_of(kind)
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise RegistryError(f"Messages of the type {kind} have no {', '.join(unknown)}; they have {', '.join(known)}.")
    missing = [
        name for name, variable in known.items() if not variable.optional and _lines(values.get(name, "")) == [""]
    ]
    if missing:
        raise RegistryError(f"A message of the type {kind} lacks {', '.join(missing)}.")
    for name, value in values.items():
        lines = _lines(value)
        if len(lines) > (MOST_LINES if known[name].lines else 1):
            raise RegistryError(
                f"{name} has {len(lines)} lines; messages take {MOST_LINES} where they take more than one."
            )
        if any(map(_unprintable, lines)):
            raise RegistryError(f"{name} holds a line break or another control character; messages take single lines.")
        if (longest := max(map(len, lines))) > VALUE_LENGTH:
            raise RegistryError(f"{name} has {longest} characters; messages take {VALUE_LENGTH}.")
    if "link" in values and not str(values["link"]).startswith(("https://", "http://")):
        raise RegistryError("link is no web address; it starts with https://.")
    return {name: values.get(name, "") for name in known}


def render(kind: str, source: Source, values: Values) -> Rendered:
    """Fills in a template.

    Args:
        kind: Type of the message.
        source: A template that :func:`check_source` found good.
        values: Values of its variables.

    Returns:
        The message.

    Raises:
        RegistryError: A value does not hold.
    """
    checked = check_values(kind, values)
    plain = {name: value if isinstance(value, str | int) else "\n".join(value) for name, value in checked.items()}
    marked = {name: value if isinstance(value, str | int) else _BREAK.join(value) for name, value in checked.items()}
    return Rendered(
        subject=_PLAIN.from_string(source.subject).render(plain).strip(),
        text=_PLAIN.from_string(source.text).render(plain),
        html=_HTML.from_string(source.html).render(marked),
    )


def _lines(value: Value) -> list[str]:
    """A value's lines; a list without any counts as empty."""
    return [str(value)] if isinstance(value, str | int) else list(value) or [""]


def _variables(part: str, content: str) -> set[str]:
    try:
        tree = _PLAIN.parse(content)
    except TemplateSyntaxError as exc:
        raise RegistryError(f"The {part} is no template, line {exc.lineno}: {exc.message}.") from exc
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED):
            where = f" in line {node.lineno}" if node.lineno else ""
            raise RegistryError(
                f"The {part} uses {type(node).__name__.lower()}{where}; templates may show variables and use 'if', "
                "nothing else."
            )
    return {node.name for node in tree.find_all(nodes.Name)}


def _unprintable(text: str) -> bool:
    """Whether a text has characters that break a line or steer a terminal: one could begin a new mail header."""
    return any(ord(letter) < 32 or letter in "\x7f\x85\u2028\u2029" for letter in text)
