"""``TRACER_LOG``: what is wanted becomes a call, what is not is gone, what is wrong is somebody's."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_core.compose.compose import compose
from tracer_core.compose.composition import Composition, Machine, Message
from tracer_core.compose.messages import Messages, formatted
from tracer_core.errors import PluginError
from tracer_core.kernel.view import TypedKernel
from tracer_core.levels import LogLevel
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Request
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.sections import Packet
from tracer_core.types import BpfSource, CollectorSpec, Fragment, Getter, Probe

SKB = "struct sk_buff *"
RECEIVE = Probe.tracepoint("net:netif_receive_skb")
TEXT = """
/* TRACER_LOG(ctx, nonsense) in a comment is none; "nor here */
static __always_inline int demo_see(struct tracer_ctx *ctx, struct tracer_event *event)
{
	u32 length = TRACER_GET(ctx, ctx->sk_buff, len);

	if (length > 9)
		TRACER_LOG(ctx, warn, "long: %u (%d), " /* in two
			lines */ "100%%", length, -1);
	TRACER_LOG(ctx, trace, "at %p", (void *)ctx->sk_buff);
	return TRACER_OK;
}
"""


def said(text: str, level: LogLevel | None = LogLevel.TRACE) -> tuple[str, list[Message]]:
    messages = Messages(level)
    return messages.expand(text, "demo", "demo.bpf.c"), messages.found


def composed(kernel: TypedKernel, level: LogLevel | None, *getters: Getter, text: str = TEXT) -> Composition:
    fragment = Fragment("demo_see", BpfSource(text, "demo.bpf.c"), needs=(SKB,), emits=(Packet,))
    spec = CollectorSpec("demo", "A test.", sections=(Packet,))
    declaration = Declaration(Owner("demo"), spec, None, fragments=(fragment,), getters=getters)
    return compose(plan([declaration], Request((RECEIVE,), log_level=level), kernel), kernel, Machine(2))


def test_a_message_becomes_a_call_with_its_number_and_values() -> None:
    text, found = said(TEXT)
    assert "tracer_say(ctx, 0, (u64)(length), (u64)(-1), 0, 0)" in text
    assert "tracer_say(ctx, 1, (u64)((void *)ctx->sk_buff), 0, 0, 0)" in text
    assert found == [
        Message(LogLevel.WARN, "demo", "demo_see", "long: %u (%d), 100%%"),
        Message(LogLevel.TRACE, "demo", "demo_see", "at %p"),
    ]


def test_what_is_less_important_than_wanted_is_gone_with_its_values() -> None:
    text, found = said(TEXT, LogLevel.INFO)
    assert [message.level for message in found] == [LogLevel.WARN]
    assert "(void *)ctx->sk_buff" not in text
    assert said(TEXT, None)[1] == []


@pytest.mark.parametrize("level", [None, *LogLevel])
def test_lines_keep_their_numbers(level: LogLevel | None) -> None:
    text, _ = said(TEXT, level)
    place = "return TRACER_OK"
    assert text[: text.index(place)].count("\n") == TEXT[: TEXT.index(place)].count("\n")


def test_in_a_macro_of_several_lines_it_stays_one() -> None:
    text, found = said('#define A(x) do { \\\n\tTRACER_LOG(ctx, debug, \\\n\t\t"%d", x); \\\n} while (0)\nint b;\n')
    assert re.search(r"tracer_say\(ctx, 0, \(u64\)\(x\), 0, 0, 0\)\\\n; \\\n} while \(0\)\nint b;", text)
    assert [message.function for message in found] == [""]


def test_brackets_and_commas_in_values_and_strings_do_not_count() -> None:
    text, found = said("""TRACER_LOG(ctx, info, "a, (b%d\\" %u", f(1, (2)), a[g(3, 4)] + ')');""")
    assert """(u64)(f(1, (2))), (u64)(a[g(3, 4)] + ')')""" in text
    assert found[0].format == 'a, (b%d" %u'


@pytest.mark.parametrize(
    ("call", "trouble"),
    [
        ("TRACER_LOG(ctx, info)", "at least three"),
        ('TRACER_LOG(ctx, loud, "a")', "no level 'loud'"),
        ('TRACER_LOG(ctx, INFO, "a")', "no level 'INFO'"),
        ("TRACER_LOG(ctx, info, format)", "not a string literal"),
        ('TRACER_LOG(ctx, info, "%d")', "1 conversions, but 0 values"),
        ('TRACER_LOG(ctx, info, "a", b)', "0 conversions, but 1 values"),
        ('TRACER_LOG(ctx, info, "%s", b)', "not known"),
        ('TRACER_LOG(ctx, info, "%5d", b)', "not known"),
        ('TRACER_LOG(ctx, info, "%d%d%d%d%d", a, b, c, d, e)', "more than 4"),
        ('TRACER_LOG(ctx, info, "a"', "does not end"),
    ],
)
@pytest.mark.parametrize("level", [LogLevel.TRACE, LogLevel.ERROR, None])
def test_what_is_wrong_is_so_at_every_level_and_names_whose_it_is(
    call: str, trouble: str, level: LogLevel | None
) -> None:
    with pytest.raises(PluginError, match=rf"demo: demo\.bpf\.c:2: .*{re.escape(trouble)}"):
        said(f"\n{call};\n", level)


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_signed_values_come_back(value: int) -> None:
    assert formatted("%d|%lld|%i", (value % (1 << 64),) * 3) == f"{value}|{value}|{value}"


@given(st.integers(0, (1 << 64) - 1))
def test_unsigned_values_come_back(value: int) -> None:
    assert formatted("%u %x %X %p %%", (value,) * 4) == f"{value} {value:x} {value:X} {value:#x} %"


def test_of_a_quiet_run_the_text_has_no_trace(kernel: TypedKernel) -> None:
    quiet = composed(kernel, LogLevel.ERROR)
    assert quiet.messages == ()
    for word in ("tracer_say", "tracer_unsaid", "long: ", "ctx->probe", "u32 probe;\n\tstruct"):
        assert word not in quiet.text
    assert quiet.text == composed(kernel, None).text


def test_a_run_that_wants_messages_has_what_they_take(kernel: TypedKernel) -> None:
    loud = composed(kernel, LogLevel.WARN)
    assert [message.format for message in loud.messages] == ["long: %u (%d), 100%%"]
    assert loud.text.index("void tracer_say(") < loud.text.index("tracer_say(ctx, 0,")
    assert "ctx->probe = probe;" in loud.text


def test_getters_that_find_nothing_are_told_when_tracing(kernel: TypedKernel) -> None:
    source = BpfSource(
        "static __always_inline struct net *demo_net(struct tracer_ctx *ctx) { return NULL; }", "get.bpf.c"
    )
    getter = Getter("demo_net", source, gives="struct net *", needs=(SKB,))
    told = "demo_net found no struct net *"
    assert told in [message.format for message in composed(kernel, LogLevel.TRACE, getter).messages]
    assert told not in [message.format for message in composed(kernel, LogLevel.DEBUG, getter).messages]
