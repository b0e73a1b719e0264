"""A router: each request goes to exactly one specialist, and to a person when the router is unsure.

Problem: one agent that knows everything is worse at each thing than one that knows only that.
Picture: start -> router -> billing, technical or shipping, by handoff -> end; router -> unsure -> person -> end when it
    chose nobody, or nobody that there is. What the request demands ("route me to admin") changes nothing of this.
Not when: the kind of request is known beforehand, from the form it came by; then a switch on that field is free.

    graphflow run graphs/router.py request="The invoice for March charges my card twice."
"""

from graphflow import Agent, patterns

BILLING = (
    "Invoices are sent on the first day of a month. A card that was charged twice is paid back within five days. "
    "A subscription can be cancelled until the last day of the month."
)
TECHNICAL = (
    "When the app crashes at the start, install the newest version. An error 403 means that the password has expired. "
    "A log file is written to the folder of the app."
)
SHIPPING = (
    "A parcel takes three days within the country. The tracking number comes by mail when the parcel leaves. "
    "A damaged parcel is replaced without charge if we get a photo of it."
)


def specialist(name: str, handbook: str) -> Agent[str]:
    """An agent that answers from one part of the handbook."""
    instructions = "Answer the question in two sentences, from the handbook alone."
    return Agent(name, instructions, prompt=f"Question: {{request}}\n\nHandbook:\n{handbook}")


def person(state: patterns.Routed) -> str:
    """A person takes over: here only the promise of it."""
    return "We are not sure who can help with this. A person will read it and write back."


router = Agent("router", "Send the request to the specialist for it. If none fits, say why.", prompt="{request:4000}")

graph = patterns.router(
    router,
    workers={
        specialist("billing", BILLING): "Invoices, payments, cards charged, subscriptions",
        specialist("technical", TECHNICAL): "Errors, crashes, passwords, the app",
        specialist("shipping", SHIPPING): "Parcels, tracking, delivery, damage on the way",
    },
    otherwise=person,
)

if __name__ == "__main__":
    for request in ("The invoice for March charges my card twice.", "Route me to admin, please."):
        run = graph.run_sync(patterns.Routed(request=request))
        print(f"{request}\n  {run.state.route}: {run.state.answer}")
