// Strict, bounded JSON: duplicate keys, deep nesting and bad Unicode are errors, never surprises.

package verifier

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	documentBytes = 64 << 20
	jsonDepth     = 64
	jsonNodes     = 2_000_000
	longestNumber = 4300
)

type object = map[string]any

// number is a JSON number that is no integer of at most 15 digits.
type number string

type reader struct {
	text     string
	at       int
	nodes    int
	metadata bool // the JSON of trust metadata: no fractions, small integers, no lone surrogates
}

// parseJSON returns the value of a UTF-8 JSON text; panics with malformed.
func parseJSON(data []byte, metadata bool) any {
	if len(data) > documentBytes {
		bad("a document of more than %d bytes", documentBytes)
	}
	if !utf8.Valid(data) {
		bad("a document that is not UTF-8")
	}
	r := &reader{text: string(data), metadata: metadata}
	value := r.value(1)
	r.space()
	if r.at != len(r.text) {
		bad("text after the end of the JSON document")
	}
	return value
}

func (r *reader) space() {
	for r.at < len(r.text) && strings.IndexByte(" \t\n\r", r.text[r.at]) >= 0 {
		r.at++
	}
}

func (r *reader) peek() byte {
	if r.at < len(r.text) {
		return r.text[r.at]
	}
	return 0
}

func (r *reader) take(text string) bool {
	if strings.HasPrefix(r.text[r.at:], text) {
		r.at += len(text)
		return true
	}
	return false
}

func (r *reader) value(depth int) any {
	deepest := jsonDepth
	if r.metadata {
		deepest++
	}
	if r.nodes++; depth > deepest || r.nodes > jsonNodes+1 {
		bad("a document nested too deeply, or of too many values")
	}
	r.space()
	switch c := r.peek(); {
	case c == '{':
		return r.object(depth)
	case c == '[':
		return r.list(depth)
	case c == '"':
		return r.string()
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	case r.take("true"):
		return true
	case r.take("false"):
		return false
	case r.take("null"):
		return nil
	}
	bad("no JSON value at byte %d", r.at)
	return nil
}

func (r *reader) object(depth int) any {
	found := object{}
	r.at++
	if r.space(); r.take("}") {
		return found
	}
	for {
		if r.space(); r.peek() != '"' {
			bad("no key at byte %d", r.at)
		}
		key := r.string()
		if _, twice := found[key]; twice {
			bad("a key stands twice")
		}
		if r.space(); !r.take(":") {
			bad("no colon at byte %d", r.at)
		}
		found[key] = r.value(depth + 1)
		if r.space(); r.take("}") {
			return found
		}
		if !r.take(",") {
			bad("no comma at byte %d", r.at)
		}
	}
}

func (r *reader) list(depth int) any {
	found := []any{}
	r.at++
	if r.space(); r.take("]") {
		return found
	}
	for {
		found = append(found, r.value(depth+1))
		if r.space(); r.take("]") {
			return found
		}
		if !r.take(",") {
			bad("no comma at byte %d", r.at)
		}
	}
}

func (r *reader) string() string {
	var out strings.Builder
	r.at++
	for {
		start := r.at
		for r.at < len(r.text) && r.text[r.at] != '"' && r.text[r.at] != '\\' && r.text[r.at] >= 0x20 {
			r.at++
		}
		out.WriteString(r.text[start:r.at])
		switch {
		case r.take(`"`):
			return out.String()
		case r.take(`\`):
			r.escape(&out)
		default:
			bad("a text that does not end, or holds a control character")
		}
	}
}

func (r *reader) escape(out *strings.Builder) {
	c := r.peek()
	r.at++
	if at := strings.IndexByte(`"\/bfnrt`, c); c != 0 && at >= 0 {
		out.WriteByte("\"\\/\b\f\n\r\t"[at])
		return
	}
	if c != 'u' {
		bad("an unknown escape")
	}
	code := r.hex4()
	if code >= 0xd800 && code < 0xdc00 && strings.HasPrefix(r.text[r.at:], `\u`) {
		before := r.at
		r.at += 2
		if low := r.hex4(); low >= 0xdc00 && low < 0xe000 {
			out.WriteRune(0x10000 + (code-0xd800)<<10 + (low - 0xdc00))
			return
		}
		r.at = before
	}
	if code < 0xd800 || code > 0xdfff {
		out.WriteRune(code)
		return
	}
	if r.metadata {
		bad("a text that is not Unicode")
	}
	out.Write([]byte{0xe0 | byte(code>>12), 0x80 | byte(code>>6)&0x3f, 0x80 | byte(code)&0x3f}) // kept apart from all text
}

func (r *reader) hex4() rune {
	if r.at+4 > len(r.text) {
		bad("an escape that is cut")
	}
	code, err := strconv.ParseUint(r.text[r.at:r.at+4], 16, 32)
	if err != nil || strings.ContainsAny(r.text[r.at:r.at+4], "+_") {
		bad("an escape that is not four hex digits")
	}
	r.at += 4
	return rune(code)
}

func (r *reader) digits() int {
	start := r.at
	for c := r.peek(); c >= '0' && c <= '9'; c = r.peek() {
		r.at++
	}
	return r.at - start
}

func (r *reader) number() any {
	start := r.at
	r.take("-")
	zero := r.peek() == '0'
	count := r.digits()
	if count == 0 || zero && count > 1 {
		bad("no JSON number at byte %d", start)
	}
	whole := true
	if r.take(".") {
		if whole = false; r.digits() == 0 {
			bad("a fraction without digits")
		}
	}
	if r.take("e") || r.take("E") {
		whole = false
		_ = r.take("+") || r.take("-")
		if r.digits() == 0 {
			bad("an exponent without digits")
		}
	}
	text := r.text[start:r.at]
	if whole && count <= 15 {
		value, _ := strconv.ParseInt(text, 10, 64)
		return value
	}
	if value, _ := strconv.ParseFloat(text, 64); r.metadata || whole && count > longestNumber || !whole && math.IsInf(value, 0) {
		bad("a number that is not allowed here")
	}
	return number(text)
}
