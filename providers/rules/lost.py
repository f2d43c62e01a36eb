"""What a relay says when it lost its own upstream's answer: the job may exist, whatever the HTTP status says."""

from providers.canonical import Reason
from providers.rules.rule import Rule, near, pairs, rule, then, words

# A time limit of something else than the exchange: an option of that name, or an input that took too long to fetch.
NOT_LOST = (
    "timeout must|timeout should|timeout parameter|timeout value|timeout field|timeout is not a"
    "|invalid timeout|timeout seconds|parameter timeout|timeout_s|field timeout|timeout out of range"
)
# An input that could not be fetched in time is the request's own trouble.
FETCHING_INPUT = (
    "image download*|image fetch*|image url fetch*|download image*|download the image|download your image"
    "|download reference|downloading image*|downloading the image|downloading your image|downloading reference"
    "|fetch image*|fetch the image|fetch your image|fetching image*|fetching the image|fetching your image"
    "|load the image|loading the image|retrieving the image|media fetch*|asset fetch*|图片下载|下载图片|获取图片"
    "|图片获取"
    "|图片链接访问|图片地址访问|访问图片|下载参考|参考图下载|拉取图片|图片拉取"
)

# Of the upstream's answer, unless a code says that it is the request that cannot be read.
SYNTAX = rule(
    Reason.AMBIGUOUS,
    patterns=(words("unexpected end of json*|looking for beginning of value", unless="parse request|request body"),),
)

RULES: tuple[Rule, ...] = (
    SYNTAX,
    rule(
        Reason.AMBIGUOUS,
        codes="""do_request_failed read_response_body_failed unmarshal_response_body_failed
            channel:response_time_exceeded generation_timeout request_timeout econnreset etimedout epipe econnaborted
            econnrefused bad_gateway gateway_timeout upstream_timeout timeout deadline_exceeded timeout_error
            apitimeouterror apiconnectionerror und_err_headers_timeout und_err_body_timeout und_err_socket
            runner_disconnected startup_timeout client_closed_request origin_timeout
            insert_task_failed save_task_failed""",
        phrases=(
            "response_time_exceeded",
            "connection reset",
            "unexpected eof",
            # Go's net/http and what is written in it
            "context canceled",
            "context cancelled",
            "broken pipe",
            "client disconnected",
            # nginx, also about its 499, and Envoy
            "bad gateway",
            "gateway timeout",
            "gateway time-out",
            "client closed",
            "upstream connect error",
            "reset before headers",
            "upstream request timeout",
        ),
        patterns=(
            words(
                "esockettimedout|sockettimedout|timeout|timeouts|time out|timedout|timed out|times out"
                "|deadline exceeded",
                unless=f"{NOT_LOST}|{FETCHING_INPUT}",
            ),
            near(
                "upstream|gateway|response|provider|channel|post",
                "timeout|timed out|deadline exceeded",
                gap=48,
                unless=NOT_LOST,
            ),
            words(pairs("status code|status|http|error code:|http code|code:", "502|504|520|521|522|523|524|525|499")),
            words(
                "connection reset|connection aborted|connection closed|connection was closed|connection lost"
                "|connection terminated|connection termination|connection broken|connection refused"
                "|connection error|connection failure|connection failed|connection dropped"
                "|connection interrupted|connection timed|connection forcibly closed|forcibly closed"
                "|lost connection|lost its connection|closed connection|closed the connection|reset by peer"
                "|reset reason|econn*|etimedout|epipe|socket hang up|socket closed|socket exception"
                "|socket error|eof|eoferror|eofexception|broken pipe|remote disconnected|server disconnected"
                "|remote end closed|remote protocol error|disconnected without|peer closed|incomplete read"
                "|incomplete chunked read|incomplete message|incomplete response|truncated response"
                "|premature close|prematurely closed|premature end|response ended|stream closed|stream error"
                "|stream reset|rst stream|goaway|transport is closing|transport closed|server closed idle"
                "|client connection lost|use of closed network|network error|network failure"
                "|network is unreachable|network timeout|empty reply|empty response|no response"
                "|without a response|without response|did not respond|not responding|failed to respond"
                "|did not answer|failed to read response|failed to read body|read response body"
                "|error reading response|error reading body|unable to read response|could not read response"
                "|failed to decode response|failed to parse response|failed to unmarshal|unmarshal response"
                "|invalid character '<'|unexpected token <|client closed|client disconnected|context canceled"
                "|context cancelled|operation was canceled|operation was aborted|operation was cancelled"
                "|request aborted|request was aborted|aborterror|request canceled|request cancelled"
                "|request was canceled|cancellederror|tls handshake|no route to host|upstream connect"
                "|upstream prematurely|upstream closed|upstream disconnected|upstream reset"
                "|upstream server error|bad gateway|gateway error|origin server|web server is returning"
                "|clientoserror|client os error|protocol error|clientconnector*|client connector error"
                "|api connection error|unable to connect|failed to connect|could not connect|cannot connect"
                "|connect failed|dial tcp|error: aborted|: aborted|do request failed|upstream did not"
                "|upstream failed to respond|no answer|lost the answer|max retries exceeded",
                unless="format|eof while parsing json|json decode",
            ),
            words("fetch failed|failed to fetch", unless=f"{FETCHING_INPUT}|image|images|url|media|asset|channel*"),
            words(
                "took too long|taking too long|takes too long|too long to respond|too long to answer"
                "|too long to complete"
            ),
            near("连接|链接|会话|上游|响应|通信", "断开|中断|重置|被关闭|关闭|丢失|断了|终止|断连|掉线", gap=8),
            near("not receive|never received|not be read|without receiving", "response|answer|reply", gap=20),
            near("deadline|time limit", "exceeded|expired|passed|reached", gap=12, unless=FETCHING_INPUT),
            near(
                "connection|socket|stream|upstream|response",
                "was lost|lost|aborted|interrupted|reset|terminated|torn down|hung up",
                gap=16,
                unless="unit test",
            ),
            words("超时|链接超时", unless=FETCHING_INPUT),
            near("上游|网关|响应|渠道", "超时", gap=8),
            words(
                "网关错误|网关异常|网络错误|网络异常|网络中断|网络连接|网络波动|网络故障|连接失败"
                "|连接异常|连接错误|连接中断|连接断开|连接关闭|连接重置|连接被|连接已|断开连接|连接丢失"
                "|无响应|未响应|没有响应|未收到响应|未返回|没有返回|没返回|响应为空|返回为空|空响应|读取响应"
                "|解析响应|响应解析|无法连接|上游中断|请求中断|请求被取消|请求已取消|上下文取消|上下文已取消"
                "|链接断开|未收到上游"
            ),
        ),
    ),
    rule(
        Reason.AMBIGUOUS,
        patterns=(
            # The answer came, but what it said of the job was not understood or not kept.
            near(
                "task id|job id|video id|taskid|任务id|任务编号|任务号",
                "no|empty|missing|failed to get|failed to read|failed to parse|failed to extract|without|未获取|获取"
                "|未返回|没有|解析|提取|未拿到|为空",
                gap=12,
                unless="required|not found|not exist*|parameter*|field|invalid|请求|缺少|必填|参数|不存在|无效"
                "|must|不能为空",
            ),
            near(
                "upstream response|upstream answer|upstream reply|response from upstream|response from the upstream"
                "|response from provider|上游响应|上游返回|上游应答",
                "invalid|malformed|unexpected|unreadable|unknown|bad|empty|failed to|unable to|cannot|could not|parse"
                "|异常|失败|解析|错误|无法|为空|格式",
                gap=12,
                unless="异常,请稍后|上游返回错误:|上游返回错误码",
            ),
            words(
                "cannot read propert*"
                "|duplicate entry|unique constraint failed"
                "|duplicate key value|数据入库失败|入库失败"
            ),
            words(pairs("bad response status code|bad status code", "500|503|529|530")),
            near(
                "save|saving|insert|inserting|store|storing|persist|record|recording|write|保存|写入|插入|记录",
                "task|job|任务",
                gap=8,
                unless="no record|record not|recording|too many|过多|次数|任务记录不存在",
            ),
            # A copy of what was asked for before: the first may be the one that is being made.
            words(
                "请勿重复|重复提交|重复的请求|重复请求|重复任务|任务已存在|任务已经存在|请求已处理|请求正在处理"
                "|duplicate request*|duplicate submission*|duplicate task*|duplicate job*|duplicate order*"
                "|duplicated request*|already been processed|already processed|already submitted"
                "|request is being processed|request is processing|key already used|key has already been used"
                "|key already exists",
            ),
            near("idempoten*", "used|conflict*|exists|duplicate*|already|mismatch", gap=32),
            then(
                "this job|this task|this video|this request|same job|same task|same request|identical request*",
                "already|in progress|being processed|exists|running",
                gap=24,
            ),
        ),
    ),
)
