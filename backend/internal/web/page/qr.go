package page

import (
	"strconv"
	"strings"

	"rsc.io/qr"
)

// picture is a QR code as a path in a square of so many units, four of them white at each edge (ISO/IEC 18004 §5.3.8);
// "" when the text is too long for one.
func picture(text string) (path string, size int) {
	const quiet = 4
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", 0
	}
	var b strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				b.WriteString("M" + strconv.Itoa(x+quiet) + " " + strconv.Itoa(y+quiet) + "h1v1h-1z")
			}
		}
	}
	return b.String(), code.Size + 2*quiet
}

// box is the viewBox of a square.
func box(size int) string { return "0 0 " + strconv.Itoa(size) + " " + strconv.Itoa(size) }
