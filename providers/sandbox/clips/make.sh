#!/bin/sh
# Makes every clip, thumbnail and spritesheet of the sandbox beside this script; needs ffmpeg with libx264 and libwebp.
# The picture is ffmpeg's own test source: its big digits count the seconds, so a seek can be seen.
# One thread and bit-exact muxing: the same ffmpeg gives the same bytes again.
set -eu
cd "$(dirname "$0")"
quiet="-hide_banner -loglevel error -nostdin -y"
exact="-fflags +bitexact -flags:v +bitexact -map_metadata -1 -threads 1"

for size in 720x1280 1280x720 1024x1792 1792x1024; do
    for seconds in 4 8 10 12 15 25; do
        ffmpeg $quiet -f lavfi -i "testsrc=size=$size:rate=8:duration=$seconds" \
            -c:v libx264 -preset veryslow -crf 40 -g 200 -pix_fmt yuv420p -profile:v main \
            -movflags +faststart $exact "${size}_${seconds}s.mp4"
    done
    ffmpeg $quiet -f lavfi -i "testsrc=size=$size:rate=8:duration=4" -vf "scale=iw/4:ih/4" -frames:v 1 \
        -c:v libwebp -quality 60 $exact "${size}.webp"
    ffmpeg $quiet -f lavfi -i "testsrc=size=$size:rate=1:duration=9" -vf "scale=iw/8:ih/8,tile=3x3" -frames:v 1 \
        -c:v mjpeg -q:v 8 -pix_fmt yuvj420p $exact "${size}.jpg"
done
