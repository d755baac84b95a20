"""What each error answer means: one table, read from top to bottom.

The body decides first and the status second, because gateways send the same error under several
statuses. A row fits when its code, its sentence and its statuses fit; the first row that fits
decides. Rows by status alone come last: they choose the class that does the least harm if wrong.

Sentences are matched only at the beginning of a message. Further on a vendor may quote the request,
and a document about empty accounts must not park a key.

Sources: the error tables of Jina, Cohere, SiliconFlow, Voyage, DashScope, vLLM and TEI; for the
gateway family (one-api, new-api, rix-api) its source code and observed answers. Each observed body
is a row of the tests.
"""

import re
import sys
from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from rerankq_worker.provider.error_body import Form
from rerankq_worker.upstream.errors import (
    CHECK_ADDRESS,
    BadKey,
    CallTooLarge,
    ContentRefused,
    Malformed,
    ModelUnavailable,
    OutOfCredit,
    QuotaInDoubt,
    Refused,
    Throttled,
    TooLarge,
    Transient,
    UpstreamError,
    WrongEndpoint,
)

Kind = type[UpstreamError]

ANY: Final = range(sys.maxsize)
SERVER: Final = range(500, 1000)
ABOUT_THE_ACCOUNT: Final = {401, 402, 403, 429, *SERVER}
"""Statuses under which words about limits and balances are about the account. A 400 is about the
request, and may quote it."""
ABOUT_THE_SIZE: Final = {400, 413, 422}
ABOUT_THE_ENDPOINT: Final = {405, 406, 411, 415, 417, 421, 426, 501, 505}
"""Statuses about how a request is sent. All requests are sent in the same way: POST with JSON."""
OF_ANY_PAGE: Final = {400, 401, 402, 403, 404, 406, 410, 422, 451}
"""Statuses that, with a web page, come from a firewall, a portal or another server, not the API.
413 and 429 are not among them: gateways in front of an API limit size and rate."""
NO_SUCH_PATH: Final = (
    r"(404\W+)?((the )?(requested )?(page|file|route|path|endpoint|resource|url)"
    r"( you requested)? )?((was|is|could) )?not (be )?found( on this server)?\W*(404)?\W*$"
    r"|invalid url|unknown (request )?(url|path|endpoint|route)|no (such )?(route|endpoint|path)\b"
    r"|no static resource|cannot post\b"
)
"""What servers and gateways say if no handler serves the path of a request."""

CONTENT_POLICY: Final = (
    r"[\w.]*(content_?(policy|filter|safety|moderation|check|blocked)|policy_?violation"
    r"|moderation_?(blocked|failed|flagged|error)|data_?inspection|responsible_?ai"
    r"|sensitive_?(words?|content)|prompt_?blocked|(unsafe|inappropriate)_?content)\w*"
)
"""The codes that vendors' and gateways' content filters use."""
AGAINST_THE_POLICY: Final = (
    r"[^:“「\n]{0,120}?("
    r"content[ -](management |safety |usage |moderation )?(policy|policies|filter)"
    r"|inappropriate content|(blocked|flagged|rejected) by .{0,30}(moderation|safety)"
    r"|(内容|文本|输入).{0,12}(违规|审核|不安全|敏感|不合规)|敏感(词|内容|信息))"
)
"""Here, as in the rows about size, the deciding words may stand further on, but not in a quotation:
a 400 ends the job in any case."""
ABOUT_THE_CONTENT: Final = {400, 401, 403, 406, 422, 451, 500}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table.

    Attributes:
        means: the class of error.
        code: pattern of the whole code or type; empty for any.
        words: pattern of the message's beginning; empty for any.
        statuses: the statuses under which the row counts.
        forms: the forms that the body may have.
    """

    means: Kind
    code: str = ""
    words: str = ""
    statuses: Container[int] = ANY
    forms: Container[Form] = frozenset(Form)

    def fits(self, status: int, form: Form, codes: tuple[str, ...], words: str) -> bool:
        """Whether an answer fits this row."""
        return (
            status in self.statuses
            and form in self.forms
            and (not self.code or any(_whole(self.code, code) for code in codes))
            and (not self.words or re.match(self.words, words, re.IGNORECASE) is not None)
        )


BY_BODY: Final = (
    # A filter refuses the text: that concerns this job only, under any status.
    Row(ContentRefused, code=CONTENT_POLICY, forms={Form.JSON}),
    # Throttling. Before the rows about balance: a busy gateway sends these words with any code.
    Row(
        Throttled,
        words=r"(当前)?(分组|系统)?\s?[\w.-]{0,40}?\s?(上游|模型|渠道)?负载已(饱和|满)|您已达到总?请求数限制",
        statuses=ABOUT_THE_ACCOUNT,
    ),
    Row(Throttled, code="rate_?limit(_?(reached|exceeded|error))?"),
    Row(Throttled, code=r"rate_(request|token|concurrency|ip)_limit_exceeded"),  # Jina
    Row(Throttled, code=r"limit_(requests|burst_rate)|(token_)?concurrency_limit\w*"),
    # The account is empty.
    Row(
        OutOfCredit,
        code="insufficient_user_quota|pre_consume_token_quota_failed|quota_not_enough"
        "|(authz_)?insufficient_balance|billing_not_active"
        "|arrearage|allocationquota.freetieronly",  # DashScope
    ),
    Row(
        OutOfCredit,
        words=r"token amount has been exhausted|(token|user) quota is not enough|预扣费.{0,4}失败"
        r"|(您的|您|该|当前)?(用户|令牌|账户|账号|帐户|帐号)?[\s\d\[\]()#]{0,24}(的)?(剩余|可用)?"
        r"(额度|配额|余额)(已用尽|已用完|不足)"
        r"|free allocated quota exceeded|(sorry, )?((your|the) )?(account )?balance is insufficient"
        r"|(your account is suspended due to )?insufficient (account )?balance|no enough balance",
        statuses=ABOUT_THE_ACCOUNT,
    ),
    # For some vendors this is throttling, for others an empty account.
    Row(QuotaInDoubt, code="insufficient_quota", statuses={429}),
    Row(QuotaInDoubt, words="you (have )?exceeded your current quota", statuses={429}),
    Row(OutOfCredit, code="insufficient_quota"),
    # Throttling, in words; DashScope's quota counts tokens a minute.
    Row(Throttled, code=r"throttling(\.\w+)?"),
    Row(Throttled, code="overloaded"),  # TEI
    Row(
        Throttled,
        words=r"(429\W+)?(((your )?request was rejected due to |(token|api|requests?|upstream) "
        r"|(you|your) [\w ]{0,40}?)?(rate[ -]limit|[rt]pm limit)|too many requests)"
        r"|(您的|当前)?请求(过于频繁|频率)",
        statuses={403, 429, *SERVER},
    ),
    # No channel serves this model.
    Row(ModelUnavailable, code="model_not_found"),
    Row(
        ModelUnavailable,
        words=r"(当前)?(分组.{0,80}?)?((该|此)?模型.{0,120}?)?\s?(暂)?无可用(渠道|通道)"
        r"|(there (is|are) )?no available channel",
        statuses={403, 404, *SERVER},
    ),
    # This key may not use this model, but may use others. Before the rows about keys.
    Row(
        ModelUnavailable,
        words=r"(该|此|当前)?(令牌|用户|分组|密钥)?\s?无权(访问|使用)(该|此)?模型"
        r"|access to (the |this )?model\b.{0,40}denied",
        statuses={403},
    ),
    # Nothing serves this path: the same for every job.
    Row(WrongEndpoint, words=NO_SUCH_PATH, statuses={404, 410}),
    Row(
        WrongEndpoint,
        words=r"(client sent an |the plain )http request .{0,40}\bhttps (port|server)",
        statuses={400},
    ),
    Row(WrongEndpoint, words="missing authentication token$", statuses={403}),  # AWS: no such path
    # The request is at fault, whatever the status says.
    # Some of these are about a single text; the others are about the call, which may be divided.
    Row(TooLarge, code="input_token_limit_exceeded"),
    Row(
        TooLarge,
        words=r"(invalid request: )?[^:“「\n]{0,120}?(context length|maximum allowed length"
        r"|must have less than \d+ (tokens|characters)|number of tokens)",
        statuses=ABOUT_THE_SIZE,
    ),
    Row(CallTooLarge, code=r"request_body_too_large|badrequest\.toolarge"),
    Row(
        CallTooLarge,
        words=r"(invalid request: )?[^:“「\n]{0,120}?(too many tokens|too large"
        r"|maximum allowed batch size|batch size is invalid"
        r"|number of (total max chunks|documents))",
        statuses=ABOUT_THE_SIZE,
    ),
    Row(
        ContentRefused,
        words=AGAINST_THE_POLICY,
        statuses=ABOUT_THE_CONTENT,
        forms={Form.JSON, Form.TEXT},
    ),
    Row(Refused, code="invalid_request|bad_request_body"),
    # The key is at fault, whatever the status says.
    Row(BadKey, code="invalid_?api_?key|auth_(missing|invalid)_(api_key|format)|access_denied"),
    # The gateway, or a server behind it, failed.
    Row(Transient, code=r"do_request_failed|bad_response(_\w+)?|read_response_body_failed|backend"),
)

BY_STATUS: Final = (
    # A redirect points elsewhere: this address is not the endpoint.
    Row(WrongEndpoint, statuses=range(300, 400)),
    Row(WrongEndpoint, statuses=ABOUT_THE_ENDPOINT),
    Row(WrongEndpoint, statuses={404, 410}, forms={Form.TEXT, Form.NOTHING}),
    Row(WrongEndpoint, statuses=OF_ANY_PAGE, forms={Form.PAGE}),
    Row(BadKey, statuses={401, 403}),
    Row(OutOfCredit, statuses={402}),
    # A time-out, a conflict, a proxy in between, TEI's backend, too early, Cohere's cancellation.
    Row(Transient, statuses={407, 408, 409, 424, 425, 499}),
    Row(CallTooLarge, statuses={413}),
    Row(Throttled, statuses={429}),
    Row(Transient, statuses=SERVER),
    Row(Refused, statuses=range(400, 500)),
    Row(Malformed),
)

TABLE: Final = BY_BODY + BY_STATUS

WHAT_TO_DO: Final[dict[Kind, str]] = {
    OutOfCredit: "top up the account",
    BadKey: "check the key, RERANKQ_AUTH_PREFIX and what the key may do",
    ModelUnavailable: "check the model's name and the group of the key",
    TooLarge: "send fewer or shorter documents",
    ContentRefused: "its content policy refuses the texts of this job: change or leave out those",
    WrongEndpoint: CHECK_ADDRESS,
}
"""What the message of an error asks its reader to do, if there is more to do than wait."""


def meaning(status: int, form: Form, codes: tuple[str, ...], words: str) -> Kind:
    """The class of an error answer.

    Args:
        status: its HTTP status.
        form: the form of its body.
        codes: the code and the type in its body.
        words: the part of its message that may decide, see `words.deciding`.
    """
    return next(row.means for row in TABLE if row.fits(status, form, codes, words))


def _whole(pattern: str, code: str) -> bool:
    return re.fullmatch(pattern, code, re.IGNORECASE) is not None
