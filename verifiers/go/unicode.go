// Whether two names are one under Unicode's canonical equivalence: full decomposition, then canonical order.

package verifier

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Each line: a code point, its combining class, its full canonical decomposition (Unicode 14, hex).
//
//go:embed unicode.txt
var unicodeData string

type character struct {
	class int
	parts []rune
}

var characters = sync.OnceValue(func() map[rune]character {
	table := map[rune]character{}
	for line := range strings.Lines(unicodeData) {
		words := strings.Fields(line)
		code, _ := strconv.ParseInt(words[0], 16, 32)
		one := character{}
		one.class, _ = strconv.Atoi(words[1])
		for _, word := range words[2:] {
			part, _ := strconv.ParseInt(word, 16, 32)
			one.parts = append(one.parts, rune(part))
		}
		table[rune(code)] = one
	}
	return table
})

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c >= 0x80 })
}

// decomposed returns the NFD form of a name: names that are equal under NFC have one.
func decomposed(name string) string {
	if isASCII(name) {
		return name
	}
	table, out := characters(), []rune{}
	for _, c := range name {
		if at := c - 0xac00; at >= 0 && at < 11172 { // Hangul
			out = append(out, 0x1100+at/588, 0x1161+at%588/28)
			if tail := at % 28; tail > 0 {
				out = append(out, 0x11a7+tail)
			}
		} else if parts := table[c].parts; parts != nil {
			out = append(out, parts...)
		} else {
			out = append(out, c)
		}
	}
	for start := 0; start < len(out); start++ {
		end := start
		for end < len(out) && table[out[end]].class != 0 {
			end++
		}
		if end > start {
			slices.SortStableFunc(out[start:end], func(a, b rune) int { return table[a].class - table[b].class })
			start = end
		}
	}
	return string(out)
}
