"""GF14x-GF19x: what ``check`` finds in a graph as a whole."""

from graphflow.errors.base import Code

FOUND = {
    "GF140": Code(
        "The graph is empty",
        "A graph without nodes does nothing. Declare a node with graph.node(...) and lead to it from START.",
    ),
    "GF141": Code(
        "Nothing starts",
        "START is a node like any other and needs an edge: graph.edge(START, first). Without one no node is ever "
        "reached (S1.1, S1.2). Other nodes are not reported as unreachable then, since one line mends them all.",
    ),
    "GF142": Code(
        "A node cannot be reached",
        "Every node must be reachable from START, by edges of any kind (S1.2). Usually an edge to it was "
        "forgotten, or an edge leads to another node of a similar name. Nodes that only it leads to are named in "
        "the same finding.",
    ),
    "GF143": Code(
        "No way out of a node",
        "From every node END or FAIL must be reachable (S1.2), and a node that finishes needs an edge, fork, map "
        "or handoff to go on by: error edges and timers are taken only when it fails or takes too long. Of several "
        "nodes without a way out, those that the others lead to are reported, since mending them mends all.",
    ),
    "GF144": Code("A node has no edges", "It was declared, but nothing leads to it and nothing away from it (S1.2)."),
    "GF145": Code(
        "A dead edge",
        "Edges are tried in the order declared and exactly one is taken (S4.1, S4.2), so nothing behind an edge "
        "without condition and limit is ever tried (S4.3). If both were meant to run, that is a fork, which says "
        "so and says where the branches meet: graph.fork(plan, [web, docs], join=gather). If one or the other was "
        "meant, the first needs a condition, or has to come last.",
    ),
    "GF146": Code(
        "A shadowed edge",
        "Whenever its condition holds, the condition of an edge declared before it holds too, so it is never "
        "taken (S4.2). This is proved for every state the schema allows. Put the narrower condition first. An edge "
        "without a condition that comes last is never reported: a catch-all may be there for safety.",
    ),
    "GF147": Code(
        "A condition that is never true",
        "No state that the schema allows makes the condition true (S5.2). This is proved, with the bounds and "
        "literals of the fields taken into account.",
    ),
    "GF148": Code(
        "A gap",
        "There is a state on which no edge of the node is enabled; a run that comes there with it ends in NoWayOut "
        "(S4.4). The state shown is one that the schema allows; whether your nodes ever produce it, only you know, "
        "so this is a warning. An edge without a condition, declared last, closes any gap.",
    ),
    "GF149": Code(
        "No edge can ever be enabled",
        "Every condition on the node's edges is false on every state that the schema allows, so a run that comes "
        "to this node always fails with NoWayOut (S4.4).",
    ),
    "GF150": Code(
        "Overlapping conditions",
        "Two conditions of one node can hold at once. That is no mistake: the edge declared first is taken (S4.2). "
        "It is pointed out where neither contains the other, because then the order of the lines decides.",
    ),
    "GF151": Code(
        "A condition can raise",
        "The condition raises on a state that the schema allows, as a rule because a field is None there (S5.4). "
        "Expressions over fields(State) answer for every state: a comparison with None is false (S5.3).",
    ),
    "GF152": Code(
        "An edge with at_most=0",
        "An at_most of 0 is legal and means that the edge is never taken (S4.5). Useful where the number comes "
        "from a parameter.",
    ),
    "GF153": Code(
        "A dead error edge",
        "Error edges are tried in the order declared, by class (S8.2). An edge for a class is never taken behind "
        "one for the same class or for a base class of it. Declare the narrower class first.",
    ),
    "GF154": Code(
        "A dead timer",
        "A timer without condition and limit is always taken when its time comes, and the node is left then "
        "(S10.3). A later timer of the same node never fires.",
    ),
    "GF156": Code(
        "A cycle without a limit",
        "Every cycle has an at_most on one of its edges, or passes an ask node or a timer (S4.5). "
        'at_most="unbounded" says in so many words that the conditions end it. Limits count per scope, and each '
        "branch of a fork is a scope of its own: a limit inside a branch does not bound a cycle around the fork. "
        "Limit(n) is one count that several edges share.",
    ),
    "GF158": Code(
        "The way is longer than the limit",
        "Even the shortest way from START to an end takes more steps than Limits.steps allows (S17). Raise it: "
        "Graph(..., limits=Limits(steps=...)).",
    ),
    "GF159": Code(
        "A gap once limits are used up",
        "Every edge that could be taken on some state has an at_most, and the node lies on a cycle, so they can be "
        "used up; the run then ends in NoWayOut (S4.4, S4.5). An edge without condition and limit, declared last, "
        "says what happens after the last round.",
    ),
    "GF160": Code(
        "An end inside a fork",
        "A branch ends at its join and nowhere else: END or FAIL inside would have to stop its siblings (S6.2). "
        "Lead the edge to the join and decide behind it. A branch that cannot go on raises, and failures= says "
        "what that means.",
    ),
    "GF161": Code(
        "An edge leaves its fork",
        "Every edge of a node between a fork and its join, of whatever kind, stays between them or goes to the "
        "join (S6.2). A node belongs outside if it is also reached without the fork and the run can end from it "
        "without passing the join. Lead the edge to the join, and decide behind it where to go.",
    ),
    "GF162": Code(
        "An edge enters a fork from outside",
        "Only the fork enters its branches (S6.2): a run that came in by another way would arrive at the join "
        "without having been forked. One function or agent may be several nodes, each with its own name (S1.4).",
    ),
    "GF163": Code(
        "A join outside its fork's region",
        "Regions nest like brackets (S6.2): a fork inside a branch has its join inside the same branch, and from "
        "there leads on to the outer join. graph.point(name) is a node that does nothing, made for this.",
    ),
    "GF164": Code(
        "A join can wait for ever",
        "Some path in a branch never comes to the join: it stops at a node without edges, or goes round in a "
        "circle that has no edge out (S6.2). Every branch has to be able to arrive.",
    ),
    "GF165": Code(
        "A branch that starts at its own end",
        "The targets of a fork are the first nodes of its branches. They can be neither its join nor the node that "
        "forks (S6.2).",
    ),
    "GF166": Code(
        "A join that can never fire",
        "need=quorum(k) and best_effort(at_least=k) need k branches that are done (S6.6). With fewer branches than "
        "that the join always fails with JoinFailed.",
    ),
    "GF167": Code(
        "A wrap-up inside a fork",
        "When the budget is used up open forks close, and one cursor goes to the node named by graph.on_budget "
        "(S13.2). In a branch that cursor would have no join to arrive at.",
    ),
    "GF172": Code(
        "Nothing writes a field",
        "A node reads a field that no node writes and whose default is empty. It may be input; then a field "
        "without a default says so, and a run without it is refused at the start.",
    ),
    "GF173": Code(
        "A field is read before it is written",
        "On the way to the reading node nothing writes the field, so a run sees its default unless the input gives "
        "it. Nodes that do not declare their writes count as if they wrote everything.",
    ),
    "GF174": Code(
        "Two branches write one field",
        "Branches are isolated and merged at the join, in branch order. A field that two of them write needs a "
        "reducer that says how the writes fold, even where they would be equal; a map counts as two writers "
        "(S6.5). Annotated[list[str], append] collects, keep_last takes the last in branch order, and local keeps "
        "a field's writes in its branch. Writes that are not declared are found when the join fires.",
    ),
    "GF175": Code(
        "A text for a number",
        "A node returns a text, or a question is answered with one, and its field is a number. pydantic reads a number "
        'from "7" and refuses any other text, so the node fails then (S3.3). Return the number, or ask for one.',
    ),
    "GF176": Code(
        "A timeout that cannot strike",
        "A plain function holds the event loop until it returns, so nothing can stop it in time (S8.1). blocking=True "
        "runs it in a thread, async def lets it be stopped where it awaits.",
    ),
    "GF177": Code(
        "An item where there is no map",
        "A node takes `item`, or its prompt names {item}, and no map of this graph leads to it (S6.1). Where the graph "
        "is itself a node under a map it has that map's item; run by itself there is none: a function gets None, and a "
        "prompt cannot be written.",
    ),
    "GF178": Code(
        "A prompt names what is not there",
        "After a dot a prompt names a field of a model or a key of a dict, {review.score} (S3.5). The types say that "
        "there is none of that name.",
    ),
    "GF181": Code(
        "Recursion without a way out",
        "A graph may contain itself, but some path must end without entering it again; else every run ends with "
        "TooDeep (S12.2).",
    ),
    "GF185": Code(
        "Many agents in a row",
        "Each model step builds on what the one before said, right or wrong. Beyond four or five in a row errors "
        "compound. A function that validates, a person who approves, a condition that chooses the way on, a guardrail, "
        "or fewer and larger steps break the row.",
    ),
    "GF186": Code(
        "An agent with several jobs",
        "An agent writes several fields, and its tools come from several places: the modules of their functions, the "
        'servers they are on, or what Tool(search, group="search") says. That looks like several jobs. Agents with one '
        "job each have shorter prompts, are seen in the drawing, and fail and are retried by themselves. If it is one "
        "job, give its tools one group.",
    ),
    "GF187": Code(
        "A prompt takes text of any length",
        "A node writes a field whose type says no length, and an agent's prompt names it whole. It may grow with every "
        "round of a loop, with every branch of a map, with every page that is fetched; the prompt then costs more at "
        "each call, until the model refuses it. {draft:2000} cuts it where it is read: the state keeps all of it. "
        "max_input_tokens= of the agent limits the whole prompt and refuses a longer one, Field(max_length=...) limits "
        "the field. Where long text is meant, say how long: {report:100000} (S3.5).",
    ),
    "GF188": Code(
        "A map that does not say what a failure means",
        "Of many branches some fail. By default the join needs all of them, so the first failure stops the others, and "
        "the run fails with JoinFailed (S6.7): the work of all others is lost. Say what is meant. "
        'need=best_effort(at_least=3) or quorum(3) goes on with those that succeeded; failures="collect" hands failures '
        'to the join as data, in ctx.branches; on_error=JoinFailed at the join is a way on; and failures="stop" says '
        "that all are needed. A branch whose nodes all have error edges of their own is left alone, and so is a map "
        "inside a fork or map that has said it.",
    ),
    "GF189": Code(
        "A supervisor that works itself",
        'graph.node(lead, role="supervisor") says that it plans, delegates and merges, and so it has no tools of its own '
        "to do the work with. What a worker does at a node is seen, limited, retried and counted there. Agents and "
        "graphs given as tools are delegates, and may stay.",
    ),
}
"""The codes of findings."""
