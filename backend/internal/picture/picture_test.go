package picture

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"testing"
)

func encoded(t *testing.T, width, height int, encode func(*bytes.Buffer, image.Image) error) []byte {
	t.Helper()
	var content bytes.Buffer
	if err := encode(&content, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		t.Fatal(err)
	}
	return content.Bytes()
}

func TestMediaType(t *testing.T) {
	asPNG := func(w *bytes.Buffer, i image.Image) error { return png.Encode(w, i) }
	asJPEG := func(w *bytes.Buffer, i image.Image) error { return jpeg.Encode(w, i, nil) }
	small := encoded(t, 8, 8, asPNG)
	for name, test := range map[string]struct {
		content []byte
		want    string
	}{
		"PNG":               {small, "image/png"},
		"JPEG":              {encoded(t, 8, 8, asJPEG), "image/jpeg"},
		"WebP":              {[]byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"), "image/webp"},
		"the largest sides": {encoded(t, maximumSide, 1, asPNG), "image/png"},
		"too wide":          {encoded(t, maximumSide+1, 1, asPNG), ""},
		"too high":          {encoded(t, 1, maximumSide+1, asPNG), ""},
		"too many bytes":    {append(bytes.Clone(small), make([]byte, MaximumBytes)...), ""},
		"broken":            {small[:20], ""},
		"nothing":           {nil, ""},
		"SVG with script":   {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), ""},
		"HTML":              {[]byte("<html><script>alert(1)</script>"), ""},
		"GIF":               {[]byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"), ""},
	} {
		if got, ok := MediaType(test.content); got != test.want || ok != (test.want != "") {
			t.Errorf("%s: %q %v", name, got, ok)
		}
	}
}
