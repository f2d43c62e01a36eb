"""What upstreams say when the request itself cannot be served: a wrong size, an image out of reach, no such model."""

from providers.canonical import Reason
from providers.rules.rule import Rule, near, pairs, rule, words

PARTS = (
    "parameter*|param|params|argument*|field|fields|value|values|size|sizes|resolution*|duration*|seconds"
    "|length|aspect ratio|ratio|width|height|image|images|picture|photo|prompt|format|mime|file|files|body"
    "|json|frame*|fps|dimension*|payload|schema|content type|media type|characters|tokens|orientation|base64"
    "|quality|input|inputs|url|urls|reference|pixel*|clip length|input video|model name|image count|count"
)
WRONG = (
    "invalid|unsupported|illegal|malformed|missing|required|unrecogni*|unknown|out of range|must be|must have"
    "|must contain|must match|must equal|must not|should be|should contain|should not|not supported"
    "|does not support|doesn't support|not support|isn't supported|aren't supported|not allowed|not valid"
    "|exceeds|exceed|exceeded|too long|too short|too large|too small|too big|too many|too few|mismatch*"
    "|does not match|do not match|doesn't match|not match|at least|at most|cannot be|can't be|is empty|empty"
    "|blank|greater than|less than|larger than|smaller than|longer than|not found|does not exist"
    "|doesn't exist|is not one of|one of|only supports|only support|wrong|incorrect|incompatible|corrupt*"
    "|not a multiple|divisible|multiple of|cannot parse|unable to parse|deprecated|not readable"
    "|mutually exclusive|requires|not an image|failed validation|not accepted|unacceptable|differs|differ|limit is"
    "|over the limit|up to|no more than|not permitted|broken|damaged|unreadable|truncated|conflict*"
    "|cannot identify|but expected|not a|different from|different size*|different dimension*|different format"
    "|different resolution*|different aspect*|different length*|different number*"
)
NOT_THE_REQUEST = (
    "api key|apikey|token is|credential*|unexpected end|header field|member of|login|secret|permission*|worker"
    "|runtime error*|panic|goroutine|traceback|type error|not a function|nil pointer|undefined"
)
PICTURES = (
    "image|images|picture*|photo*|media|asset*|reference*|input file|file url|first frame|last frame"
    "|input video|source video|url|file|resource|remote file"
)
UNREACHED = pairs(
    "failed to|fail to|could not|couldn't|cannot|can't|unable to|error|not|was not able to|failure to"
    "|could not be|cannot be|can't be|couldn't be|failed while|error while|failed|when",
    "download|downloading|downloaded|fetch|fetching|fetched|retrieve|retrieving|retrieved|load|loading|loaded"
    "|access|accessing|accessed|decode|decoding|decoded|open|opened|read|obtain|obtained|get|reach|reached"
    "|reachable|accessible|parse|parsed|import|imported|identify|identified|resolve|resolved|process"
    "|processed|recogni*|publicly|public|upload",
)

RULES: tuple[Rule, ...] = (
    rule(
        Reason.INVALID,
        codes="""invalid_parameter invalid_parameters invalidparameter invalid_value invalid_model_for_duration
            invalid_model_for_size image_dimension_mismatch""",
        phrases=(
            "is required for sora",
            "seconds must be one of",
            "requires an input image",
            "images must contain exactly one",
            "image url could not be fetched",
            "asset upload returned",
            "inpaint image must match",
        ),
        patterns=(
            near(PARTS, WRONG, gap=32, unless=NOT_THE_REQUEST),
            near(PICTURES, UNREACHED, gap=28),
            near("cannot|can't|unable to|only", "1080p|720p|480p|4k|2k|mp4|mov|jpg|jpeg|png|webp", gap=32),
            words("bad size|bad value|bad duration|bad image|bad input|请上传"),
            words(
                "must be|must not be|needs to be|has to be|should be one of",
                unless="verified|authenticated|logged in|retried|restarted",
            ),
            near(
                PICTURES,
                "download failed|download error|fetch failed|fetch error|decode error|decode failed"
                "|load failed|inaccessible|unreachable|not reachable|returned 403|returned 404"
                "|returned status|http 403|http 404|403|404|expired|download timeout|download timed out"
                "|not public*|no longer accessible|upload failed|upload returned",
                gap=28,
                unless="result|output|generated|poll",
            ),
            words(
                "validation error*|validation failed|field required|no such task|no such video|task not found"
                "|task not exist|task does not exist|task_not_exist|video not found|job not found"
                "|id not found|model not found|model does not exist|model doesn't exist|model not exist"
                "|no such model|unknown model|unsupported model|not available for this|not available for the"
                "|not available on this|not available with|in json at|param error|params error"
                "|parameter error*|argument error*|invalid param*|model is not supported|model not supported"
                "|model is not available|method not allowed|malformed|unprocessable|invalid request body"
                "|exceeds the limit|exceeds the maximum|exceeds maximum|no face|no person|person is required"
                "|file extension|区分大小写|face not detected|unable to detect a face|invalid argument*"
                "|value error|missing required|invalid json|json decode|entity too large|payload too large"
                "|id is required|id required|id is missing|id must be|discontinued|not a multiple|context length"
                "|not compatible|but the requested|requested size"
                "|but expected|but got|differs from|different from the|is not supported|are not supported"
                "|does not support|doesn't support|not supported|unsupported|does not exist|doesn't exist"
                "|invalid parameter*|illegal value|incorrect value|bad parameter*|bad argument*"
                "|illegal argument*|must be between|must be at|must be a|must be an|must be less"
                "|must be greater|must be within|must be in|must not exceed|must have|must match|must contain"
                "|must be equal|must equal|must be smaller|must be larger|must be shorter|must be longer"
                "|must be positive|must be integer|must be either|must be multiple|must be under"
                "|must be below|must be over|must be above|should be between|should be at|should be one"
                "|should be a|not a valid|no longer supported|must be one of|deprecated",
                unless=(
                    "operation not supported|country|region|territory|api key|cuda|render|not supported on this worker"
                ),
            ),
            near(
                "参数|尺寸|分辨率|时长|比例|宽高|宽度|高度|图片|图像|图|照片|提示词|格式|文件|链接|请求体"
                "|字段|数量|大小|像素|文本|长度|素材|帧率|首帧|尾帧|base64|url|seconds|size|model|prompt"
                "|duration|字符|方向|取值|秒数|入参|画幅|模型|字数|体积|清晰度",
                "错误|无效|不合法|缺失|缺少|异常|不支持|不能为空|为空|必填|超出|超过|过大|过小|过长|过短|太大"
                "|太长|太小|太短|不正确|不匹配|不一致|不存在|非法|必须|仅支持|只支持|只能|至少|最多|不得|不在"
                "|无法识别|无法解析|无法下载|无法访问|无法获取|无法读取|无法打开|下载失败|获取失败|读取失败"
                "|解析失败|上传失败|解码失败|不符|有误|应为|应该|未找到|找不到|需为|损坏|范围|限制为|未传"
                "|格式不|加载失败|访问失败|下架|下线|超限|不是|已失效|需要",
                gap=12,
                unless="服务异常|模型服务|繁忙|负载|推理|权重|引擎|进程|渲染|运行|模型加载|模型文件|词库",
            ),
            near("id|编号|策略|模板", "不存在|无效|未找到|找不到|缺失", gap=8),
            words(
                "参数错误|参数无效|参数校验|校验失败|缺少必|必填|未检测到人脸|格式错误|超出范围|任务不存在"
                "|任务未找到|找不到任务|未找到任务|模型不存在|记录不存在"
            ),
        ),
    ),
)
