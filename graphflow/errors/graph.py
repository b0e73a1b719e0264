"""GF1xx: what is wrong with a graph as declared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphflow.errors.base import CODES, Code, Finding, GraphflowError, Place
from graphflow.errors.findings import FOUND


class DeclarationError(GraphflowError):
    """A line that declares part of a graph is wrong, and raised right there.

    The code is given by the line that raises it, since every mistake has one of its own.
    """

    code = "GF100"

    def __init__(
        self, what: str, *, code: str = "GF100", why: str = "", fix: str = "", where: Iterable[Place] = ()
    ) -> None:
        super().__init__(what, why=why, fix=fix, where=where)
        self.code = code  # one class, many codes: each mistake has its own


class GraphError(GraphflowError):
    """A graph that ``check`` found errors in was asked to run. ``findings`` holds all of them."""

    code = "GF101"

    def __init__(self, graph: str, findings: Sequence[Finding]) -> None:
        errors = [finding for finding in findings if finding.severity == "error"]
        super().__init__(
            f"Graph {graph!r} has {len(errors)} error{'s' if len(errors) != 1 else ''} and was not run",
            why="\n".join(finding.text for finding in errors),
            fix="Mend these; `graph.check()` lists them without running anything.",
        )
        self.findings = tuple(findings)


CODES["GF100"] = Code("A declaration is wrong", "A line that declares a node, an edge or the state cannot be accepted.")
CODES["GF101"] = Code(
    "The graph has errors", "`run` refuses a graph in which `check` finds an error. Nothing was started."
)

CODES.update(  # conditions and fields, at the line that writes them
    {
        "GF102": Code(
            "No such field",
            "`fields(State)` has the fields of the state and, where a field is a model, the fields of that. A name "
            "that is none of them is refused at the dot, so that a typo never becomes a condition that is quietly "
            "false. Methods and properties are no fields: use a predicate, `when=lambda state: ...`, for those.",
        ),
        "GF103": Code(
            "Python's and, or, not on fields",
            "`and`, `or`, `not`, `if` and chained comparisons ask an object at once whether it is true, while a "
            "condition on fields has to be asked anew for each state (S5.3). Write `(a > 1) & (b > 2)`, `a | b`, "
            "`not_(a)`, and `(1 < a) & (a < 3)` for `1 < a < 3`. The parentheses are needed: & binds more tightly "
            "than a comparison. A plain predicate may use all of Python: `when=lambda state: state.a > 1 and ...`.",
        ),
        "GF104": Code(
            "Python's in, len, for and [] on fields",
            "While the graph is declared a field has no value that could be looked into (S5.3). Write "
            '`contains(essay.tags, "urgent")` for `in`, `size(essay.tags)` for `len`, and a plain predicate for the rest.',
        ),
        "GF105": Code(
            "Not a condition",
            "A condition is an expression over `fields(State)`, a bool field, or a predicate of the state (S5.1, S5.2). "
            "A real True or False was worked out while the graph was declared and is the same for every state: most "
            "often by `is`, which Python answers by itself (write `== None`), or by comparing something that is no field.",
        ),
        "GF106": Code(
            "A comparison that can never match",
            "The types say that the two sides are never equal, or have no order: a misspelt Literal, an Enum compared "
            "with its value, a text compared with a number, None where the field is never None. Such a condition would "
            "be false, or raise, for every state (S5.2).",
        ),
        "GF107": Code(
            "An operator that has no meaning here",
            "Expressions over fields know comparisons, `&`, `|`, `not_`, `+`, `-`, `*`, `size`, `contains` and "
            "`one_of`. & and | take conditions and bind more tightly than comparisons, so each comparison needs its "
            "parentheses. For anything else write a plain predicate: `when=lambda state: ...` (S5.2).",
        ),
        "GF108": Code(
            "Not a predicate",
            "A plain predicate is an ordinary function of the state, or under a map of the state and the item, that "
            "answers at once. An async function, a generator, or one with other parameters cannot be asked (S5.1); "
            "what needs I/O to decide is a node.",
        ),
        "GF109": Code(
            "Not a field of this state",
            "`writes=`, `over=` and `switch` take whole fields of the graph's own state, as attributes of "
            "`fields(State)` (S3.1); conditions read fields of that state only, and `fields()` takes the class.",
        ),
    }
)

CODES.update(FOUND)

CODES.update(
    {
        "GF110": Code(
            "No state class",
            "The state that all nodes share is a pydantic model: class Essay(BaseModel), with a field for everything that "
            "nodes pass on (S1.1). A graph is given the class, a run the instance.",
        ),
        "GF111": Code(
            "A field cannot be stored",
            "Every step is journalled, so every value of the state must come back from JSON as it was (S1.1). Functions, "
            "classes, clients and connections do not; bytes need base64; keys of a dict are texts or numbers, and no "
            "secrets; a secret (SecretStr) has no serializer of its own. A default must be valid, and is tried. What a node needs besides state is given to the run, "
            "graph.run(state, deps=...), and read as ctx.deps (S3.8).",
        ),
        "GF112": Code(
            "The state hides something",
            "Private attributes, excluded fields and extra values would be lost at the first step, or kept without having "
            "been validated (S1.1, S3.3). Make them fields, or give them to the run as deps.",
        ),
        "GF113": Code(
            "A name cannot be used",
            "Nodes and graphs are known by their names in paths, drawings and journals. A node's name is name=, else its "
            "function's or agent's; it is printable, unique in its graph, and not START, END or FAIL (S1.4).",
        ),
        "GF114": Code(
            "A parameter that nothing is given for",
            "A node's function is called with what its signature asks for: first the view of the state, then `item` under a "
            "map, and a parameter annotated Context (S3.1). Other parameters need a default. Clients and connections come "
            "as ctx.deps (S3.8).",
        ),
        "GF115": Code(
            "This cannot be a node",
            "A node is a function, an object that can be called, an agent, or another graph. A generator yields many things "
            "where a node returns one update; a class must be made an object first.",
        ),
        "GF116": Code(
            "A result that goes nowhere",
            "A node returns the fields that change (S3.1). A model or TypedDict is written field by field and must have the "
            "state's names; a bare value needs writes=essay.draft; writes={'comments': 'comment'} takes parts of a result.",
        ),
        "GF117": Code(
            "No field of the state",
            "reads=, writes= and updates= name fields of the graph's state: an attribute of fields(State), its name, or a "
            "tuple of them. An agent's prompt names fields in braces.",
        ),
        "GF118": Code(
            "An option has a wrong value",
            "Counts are whole numbers, times are seconds above 0, a retry policy is a Retry. Wrong values are refused at the "
            "line that gives them.",
        ),
        "GF119": Code(
            "No node of this graph",
            "Edges lead between nodes of one graph, by the handle that graph.node gave back or by name. A function or agent "
            "becomes a node by graph.node(...); a node of another graph is declared here too, or its graph is entered as a "
            "whole.",
        ),
        "GF120": Code(
            "There is no node of that name",
            "A node may be named before it is declared, so names are looked up when the graph compiles; all that lead "
            "nowhere are reported together. Handles cannot be misspelt.",
        ),
        "GF121": Code(
            "An edge at the wrong end",
            "Nothing leads to START, and nothing comes after END or FAIL (S1.1). A branch starts at a node, and meets the "
            "others at a node, or at END where the fork is not inside another one (S6.2).",
        ),
        "GF122": Code(
            "No count of takings",
            "at_most= is how often an edge may be taken in its scope: a whole number, 0 included; a Limit, which several "
            "edges share; or 'unbounded', which says that the conditions end the loop (S4.5).",
        ),
        "GF123": Code(
            "Nothing to map over",
            "A map starts one branch per item of a list: over=intel.rivals, a field that is a list, tuple or set, or a "
            "function of the view that returns one (S6.1). A set is gone through in sorted order. Of a dict it must be said "
            "what is meant: lambda state: list(state.prices.items()).",
        ),
        "GF124": Code(
            "No switch",
            "A switch is one edge per value of a field: graph.switch(sort, desk.kind, {'refund': refund}, otherwise=answer) "
            "(S4.6).",
        ),
        "GF125": Code(
            "A graph as a node does not fit",
            "A graph that shares the outer state's class needs nothing. One with a state of its own is told what it is given "
            "and what it hands over: reads={'its field': outer.field}, writes={'outer field': 'its field'} (S12.1). Fields "
            "without a default must be given. What it hands over are its updates, folded by the outer fields' reducers.",
        ),
        "GF126": Code(
            "No question",
            "graph.ask(name, question, answer=type, writes=field): the question is a text with {fields} of the state, or a "
            "function of the view; the type says which answers are valid (S10.1).",
        ),
        "GF127": Code(
            "A handoff is not complete",
            "A handoff has a description to choose it by, and may carry data: takes= is its type, writes= where it goes "
            "(S9.1).",
        ),
        "GF128": Code(
            "No need",
            "need= says when a join fires: 'all', 'first', quorum(k), best_effort(at_least=k, within_s=t), or a condition on "
            "the merge so far (S6.6).",
        ),
        "GF129": Code(
            "No class of errors",
            "on_error= is an exception class or a tuple of them; the error edges of a node are tried in order (S8.2). "
            "Stopping and cancelling are no Exceptions, and are never caught by a graph (S8.4).",
        ),
        "GF130": Code(
            "Options that exclude each other",
            "An error edge waits for a failure, a timer edge for time, a handoff for the node's own choice: each is an edge "
            "of its own. START does nothing, so it neither fails nor takes time nor chooses; questions, points and graphs "
            "choose no handoff.",
        ),
        "GF131": Code(
            "A result does not fit its field",
            "writes= names where a result goes, and no value of the annotated type can go there: a number into a text, a "
            "list into a field that append adds one element to, three values into two fields, nothing into a field that is "
            "not optional (S3.1, S7.2).",
        ),
        "GF132": Code(
            "An item of another type",
            "A node of a map's branch takes one item of what the map goes over (S6.1). The annotation of its item parameter "
            "is of another type.",
        ),
        "GF138": Code(
            "A guardrail cannot be used here",
            "A guardrail is a function that returns None when all is well, or a text that says what is wrong. Agents and "
            'nodes take a list of them: plain functions are asked about what comes out, `Guardrail(check, on="input")` '
            'about what comes in, `Guardrail(check, on="tool")` before a tool of an agent is called. On an edge it is a '
            "plain function of the state that would cross (S8.4).",
        ),
        "GF134": Code(
            "No wrap-up",
            "graph.on_budget(node) names one node that wraps up when the run's budget is used up (S13.2). Without it such a "
            "run ends exhausted, and can be resumed with a larger budget.",
        ),
        "GF135": Code(
            "A reducer does not fit its field",
            "append and extend fold lists, union sets, merge dicts; a field has one reducer (S7.1).",
        ),
        "GF136": Code(
            "A state that a pattern cannot use",
            "The builders of graphflow.patterns have a state of their own, and take another one with state= if it has the "
            "fields that the pattern's own nodes share: a debate needs its turns. The simplest such class extends the "
            "pattern's: class Hearing(patterns.Debate). What else it holds is yours.",
        ),
        "GF139": Code(
            "A secret would be shown",
            "A state may hold secrets, fields of type SecretStr, SecretBytes or Secret[...]. A prompt or question with such a "
            "field would send or show it, so it names the fields beside it, {account.name} instead of {account}; what has to "
            "know the secret is a function or a tool, which calls get_secret_value() and passes the text on itself (S3.5). A "
            "condition asks whether a secret is there, account.key != None; a node that looks closer writes its verdict into a "
            "bool field (S5.2). What a model or a person says is recorded as it is said, and so is no secret: neither an agent nor a "
            "question writes into such a field, and no answer has such a type (S10.1, S11.1).",
        ),
        "GF137": Code(
            "Workers that a pattern cannot use",
            "Workers are agents, functions or graphs, each with a name of its own; a pattern makes a node of each. Where "
            'somebody chooses among them they are described: workers={billing: "Invoices and payments"}. A Role says more: '
            "its condition, and where its result goes.",
        ),
    }
)
