// Package picture says which pictures from outside may stand on our pages: raster pictures of bounded size. SVG is not
// among them, because it can carry script.
package picture

import (
	"bytes"
	"image"
	_ "image/jpeg" // the formats that are read
	_ "image/png"
	"net/http"
)

// The bounds.
const (
	MaximumBytes = 256 << 10
	maximumSide  = 2048 // pixels
)

// Types are the media types of pictures that may be shown.
func Types() []string { return []string{"image/png", "image/jpeg", "image/webp"} }

// MediaType is what the content is, whatever its sender called it; ok is false for what may not be shown. Of WebP
// (RFC 9649) only the container is looked at: the standard library cannot read on, and browsers decode it in a sandbox.
func MediaType(content []byte) (mediaType string, ok bool) {
	if len(content) > MaximumBytes {
		return "", false
	}
	mediaType = http.DetectContentType(content)
	if mediaType == "image/webp" {
		return mediaType, true
	}
	config, format, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil || config.Width > maximumSide || config.Height > maximumSide || mediaType != "image/"+format {
		return "", false
	}
	return mediaType, true
}
