"""The API of an imaginary video studio, as a dialect of video-router."""
