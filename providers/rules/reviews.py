"""Which review a refusal speaks of, by what it names."""

from dataclasses import dataclass

from providers.canonical import Stage
from providers.rules.rule import Pattern, words
from providers.rules.text import Text


@dataclass(frozen=True, slots=True)
class Review:
    """A review, and words that name what it looks at: `plain` ones beyond doubt, `loose` ones if nothing else does."""

    stage: Stage
    plain: Pattern
    loose: Pattern


REVIEWS: tuple[Review, ...] = (
    Review(
        Stage.OUTPUT_REVIEW,
        words(
            "generated video*|generated content|generated output*|generated image*|generated result*"
            "|generated media|generated audio|generated clip*|generated frame*|generated material"
            "|generated asset*|output video*|output content|output image*|output media|output audio"
            "|output data|output frame*|output moderation|output review|output safety|output filter*"
            "|output check*|output may|output was|output is|output contain*|output blocked|output rejected"
            "|output violat*|output flagged|resulting video*|resulting content|resulting clip*"
            "|resulting image*|resulting output|resulting media|resultant video|produced video|rendered video"
            "|rendered clip|rendered output|final video|final output|final clip|finished video|finished clip"
            "|created video|completed video|generation result*|result video|result was|video result"
            "|video output|video generated|after generation|post generation|post generated|safety output"
            "|post img*|the result|synthesized video|model output*|outputs|生成的视频|生成的内容|生成的画面|生成的图"
            "|生成的作品|生成的结果|生成的音|生成视频|生成内容|生成结果|生成后|生成画面|结果视频|结果内容"
            "|视频结果|输出视频|输出内容|输出画面|输出结果|输出审核|输出的|输出|成片|产物|产出|视频画面"
            "|视频成品|成品|合成结果|合成的视频|渲染结果|后审|作品",
            unless="before generation|cannot generate|生成失败:输入",
        ),
        words(
            "generated|output*|resulting|result|audio|frames|produced|post processing|final|clip|made it, but"
            "|we made it|came out|结果|画面|音频|视频内容"
        ),
    ),
    Review(
        Stage.IMAGE_REVIEW,
        words(
            "input image*|input photo*|input picture*|input media|input file*|uploaded image*|uploaded photo*"
            "|uploaded picture*|uploaded file*|uploaded media|uploaded asset*|uploaded content"
            "|uploaded material*|reference image*|reference photo*|reference picture*|reference file*"
            "|reference media|input reference|source image*|source photo*|first frame*|last frame*"
            "|start frame|end frame|user upload*|in upload*|of image*|image input*|image upload*"
            "|image prompt*|image url*|image review|image moderation|image check|image safety|image you"
            "|images you|photo you|your image*|your photo*|your picture*|your upload*|the image|the images"
            "|the photo|the picture|the upload*|provided image*|provided photo*|supplied image*"
            "|submitted image*|image submitted|photos of|images of|images containing|image contain*"
            "|images contain*|photo contain*|image in|image_url|input image|参考图|参考图片|参考照片|输入图"
            "|输入的图|上传的图|上传图|上传的照片|上传的图片|上传照片|上传的素材|上传素材|素材图|首帧|尾帧"
            "|图片中|图片含|图片包含|图片存在|图片涉|图片内容|图片审核|图片违规|图片里|照片中|图中|垫图|原图"
            "|底图|您的图片|参考素材|上传的参考|入参图"
        ),
        words(
            "image*|img*|photo*|picture*|upload*|reference*|face*|portrait|selfie|headshot|asset*|图|照片|相片"
            "|人脸|面部|上传|素材|头像|画像"
        ),
    ),
    Review(
        Stage.PROMPT_REVIEW,
        words(
            "prompt*|input text*|text input*|text prompt*|text content|video description|text description"
            "|your text|your words|your description|the description|the text|user input|checking inputs"
            "|sensitive words|forbidden word*|banned word*|blocked word*|prohibited word*|keyword*|wording"
            "|input content|your request text|caption|script|phrase*|input prompt*|words|프롬프트|プロンプト"
            "|提示词|提示语|文本|文字|关键词|关键字|描述|文案|敏感词|违禁词|屏蔽词|输入内容|输入的内容|输入文"
            "|词语|字词|语句|咒语|描述词|用词|禁词|词汇|脚本"
        ),
        words("text|input*|description|word|name|names|request content|title|输入"),
    ),
)
# A person may be in what was sent or in what came out: these name a review only when nothing else does.
PEOPLE = words(
    "person|persons|people|human*|celebrit*|public figure*|likeness|identifiable|individual*|real person*"
    "|真人|人物|名人|明星|肖像|公众人物|真实人"
)


def named_review(text: Text) -> Stage | None:
    """The review that a plain text names beyond doubt; of several the one named first."""
    return _first_named([(review.plain, review.stage) for review in REVIEWS], text)


def hinted_review(text: Text) -> Stage | None:
    """The review that a plain text names loosely; of several the one named first."""
    return _first_named([(review.loose, review.stage) for review in REVIEWS], text)


def _first_named(patterns: list[tuple[Pattern, Stage]], text: Text) -> Stage | None:
    named = [(start, stage) for pattern, stage in patterns if (start := pattern.search(text)) is not None]
    return min(named, key=lambda each: each[0])[1] if named else None


def names_people(text: Text) -> bool:
    """Whether a plain text speaks of a person, without saying where."""
    return PEOPLE.search(text) is not None
