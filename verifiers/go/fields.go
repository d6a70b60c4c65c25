// Typed access to what others wrote, and the canonical JSON that is signed. All panic with malformed.

package verifier

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

var (
	hex256     = regexp.MustCompile(`^[0-9a-f]{64}$`)
	namePat    = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$`)
	globPat    = regexp.MustCompile(`^[^\x00-\x1f\x7f]{1,200}$`)
	pairPat    = regexp.MustCompile(`^[a-z0-9-]{1,40}(\+[a-z0-9-]{1,40})?$`)
	anyPattern *regexp.Regexp
)

const (
	anyLength = 100_000
	anyCount  = 10_000
)

// fields is one JSON object; with close, a key that nobody asked for is an error.
type fields struct {
	table object
	what  string
	asked map[string]bool
}

func fieldsOf(value any, what string) *fields {
	table, ok := value.(object)
	if !ok {
		bad("%s is not an object", what)
	}
	return &fields{table, what, map[string]bool{}}
}

func get[T any](f *fields, key string) T {
	f.asked[key] = true
	value, ok := f.table[key].(T)
	if !ok {
		bad("%s has no valid %q", f.what, key)
	}
	return value
}

func (f *fields) has(key string) bool {
	_, there := f.table[key]
	return there
}

func (f *fields) text(key string, pattern *regexp.Regexp, limit int) string {
	value := get[string](f, key)
	if utf8.RuneCountInString(value) > limit || pattern != nil && !pattern.MatchString(value) {
		bad("%s has no valid %q", f.what, key)
	}
	return value
}

func (f *fields) integer(key string, low, high int64) int64 {
	value := get[int64](f, key)
	if value < low || value > high {
		bad("%s has no valid %q", f.what, key)
	}
	return value
}

func (f *fields) number(key string) int64 { return f.integer(key, 1, 1_000_000) }

// time returns a UTC time as TUF writes it, in seconds since 1970.
func (f *fields) time(key string) int64 {
	value, ok := instant(f.text(key, anyPattern, 20))
	if !ok {
		bad("%s has no valid %q", f.what, key)
	}
	return value
}

func (f *fields) list(key string, limit int) []any {
	value := get[[]any](f, key)
	if len(value) > limit {
		bad("%s has no valid %q", f.what, key)
	}
	return value
}

// strings returns a list of different texts that match.
func (f *fields) strings(key string, pattern *regexp.Regexp, limit int) []string {
	found, seen := []string{}, map[string]bool{}
	for _, item := range f.list(key, limit) {
		text, ok := item.(string)
		if !ok || seen[text] || pattern != nil && !pattern.MatchString(text) {
			bad("%s has no valid %q", f.what, key)
		}
		seen[text] = true
		found = append(found, text)
	}
	return found
}

func (f *fields) fields(key string) *fields { return fieldsOf(get[object](f, key), f.what+", "+key) }

func (f *fields) close() {
	for key := range f.table {
		if !f.asked[key] {
			bad("%s has an unknown key %q", f.what, key)
		}
	}
}

// exactly returns an object that has the required keys, perhaps the optional ones, and no other.
func exactly(value any, what string, required []string, optional ...string) object {
	table, ok := value.(object)
	if !ok {
		bad("%s is not an object", what)
	}
	for _, key := range required {
		if _, there := table[key]; !there {
			bad("%s lacks %s", what, key)
		}
	}
	for key := range table {
		if !slices.Contains(required, key) && !slices.Contains(optional, key) {
			bad("%s holds an unknown field", what)
		}
	}
	return table
}

// instant reads YYYY-MM-DDThh:mm:ssZ and nothing else.
func instant(text string) (int64, bool) {
	const layout = "2006-01-02T15:04:05Z"
	moment, err := time.Parse(layout, text)
	return moment.Unix(), err == nil && moment.Format(layout) == text && moment.Year() > 0
}

func unbase64(value any, what string) []byte {
	text, ok := value.(string)
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if !ok || err != nil || len(data) == 0 || strings.ContainsAny(text, "\r\n") {
		bad("%s is not base64", what)
	}
	return data
}

// canonical writes OLPC canonical JSON, which TUF signs: sorted keys, no space, only quote and backslash escaped.
func canonical(value any) []byte { return write(nil, value, olpcText) }

func olpcText(out []byte, text string) []byte {
	return append(append(append(out, '"'), strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)...), '"')
}

// compact writes JSON with sorted keys and no space, with the shortest escapes: the form of log entries.
func compact(value any) []byte { return write(nil, value, jsonText) }

func jsonText(out []byte, text string) []byte {
	out = append(out, '"')
	for _, c := range []byte(text) {
		if at := strings.IndexByte("\"\\\b\f\n\r\t", c); at >= 0 {
			out = append(out, '\\', `"\bfnrt`[at])
		} else if c < 0x20 {
			out = append(out, '\\', 'u', '0', '0', '0'+c>>4, "0123456789abcdef"[c&15])
		} else {
			out = append(out, c)
		}
	}
	return append(out, '"')
}

func write(out []byte, value any, text func([]byte, string) []byte) []byte {
	switch value := value.(type) {
	case nil:
		return append(out, "null"...)
	case bool:
		return strconv.AppendBool(out, value)
	case int64:
		return strconv.AppendInt(out, value, 10)
	case string:
		return text(out, value)
	case []any:
		out = append(out, '[')
		for at, item := range value {
			if at > 0 {
				out = append(out, ',')
			}
			out = write(out, item, text)
		}
		return append(out, ']')
	case object:
		out = append(out, '{')
		for at, key := range sortedKeys(value) {
			if at > 0 {
				out = append(out, ',')
			}
			out = write(append(text(out, key), ':'), value[key], text)
		}
		return append(out, '}')
	}
	bad("a number that cannot be signed")
	return nil
}

func sortedKeys[T any](table map[string]T) []string {
	keys := make([]string, 0, len(table))
	for key := range table {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
