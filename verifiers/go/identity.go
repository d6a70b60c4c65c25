// Identities and key versions as the ring holds them, and what an identity may sign.

package verifier

import (
	"slices"
	"strings"
)

const day = 24 * 60 * 60

// keyVersion is one version of an identity's key; a date of 0 is none.
type keyVersion struct {
	table                    object // as it was read
	number                   int64
	halves                   []half
	notBefore, signUntil     int64
	verifyUntil, compromised int64
	suspended, destroyed     int64
}

func (v keyVersion) id() string {
	ids := keyids(v.halves)
	slices.Sort(ids)
	return sha256Hex([]byte(strings.Join(ids, "\n")))
}

func keyids(halves []half) (ids []string) {
	for _, one := range halves {
		ids = append(ids, one.keyid())
	}
	return ids
}

// mayNotEndorse tells whether the version is suspended, compromised or destroyed at that time.
func (v keyVersion) mayNotEndorse(at int64) bool {
	return v.compromised != 0 || v.destroyed != 0 && at >= v.destroyed || v.suspended != 0 && at >= v.suspended
}

type identity struct {
	name, origin                       string
	purposes, namespaces, environments []string
	versions                           []keyVersion
	rotation                           []half
}

func (i identity) newest() keyVersion { return i.versions[len(i.versions)-1] }

var duties = [][]string{{"verdict", "vsa"}, {"override"}}

func parseIdentity(data []byte, name string) identity {
	f := fieldsOf(parseJSON(data, true), "identity "+name)
	if f.text("schema", anyPattern, 40) != "secpipe.identity/1" || f.text("name", namePat, 64) != name {
		bad("%s is not what its target says", f.what)
	}
	scope := f.fields("authority")
	made := identity{
		name: name, purposes: scope.strings("purposes", globPat, 100),
		namespaces: scope.strings("namespaces", globPat, 1000), environments: scope.strings("environments", globPat, 100),
	}
	scope.close()
	checkDuties(made)
	for _, item := range f.list("versions", anyCount) {
		made.versions = append(made.versions, parseVersion(item, f.what))
	}
	if f.has("origin") {
		made.origin = f.text("origin", hex256, 64)
	}
	if f.has("rotation") {
		made.rotation = parseHalves(f.list("rotation", 2), f.what)
	}
	f.text("holder", namePat, 64)
	f.close()
	if len(made.rotation) == 1 || made.rotation != nil && made.origin != "" {
		bad("%s has a rotation key that is not a pair, or belongs to another trust root", f.what)
	}
	for at, version := range made.versions {
		if version.number != int64(at+1) || at > 0 && version.notBefore < made.versions[at-1].notBefore {
			refuse("identity-rules", "%s has key versions that do not follow each other", f.what)
		}
	}
	if len(made.versions) == 0 {
		refuse("identity-rules", "%s has no key version", f.what)
	}
	return made
}

// checkDuties refuses one who would both build and judge, or judge and overrule.
func checkDuties(who identity) {
	for _, duty := range duties {
		held, others := false, false
		for _, glob := range who.purposes {
			for _, purpose := range duty {
				held = held || match(glob, purpose)
			}
			others = others || !slices.Contains(duty, glob)
		}
		if held && others {
			refuse("identity-rules", "%s has duties that are kept apart", who.name)
		}
	}
}

func parseVersion(item any, what string) keyVersion {
	f := fieldsOf(item, what+", a key version")
	v := keyVersion{table: f.table, number: f.number("version"), halves: parseHalves(f.list("halves", 2), what)}
	v.notBefore, v.signUntil = f.time("not_before"), f.time("sign_until")
	for key, place := range map[string]*int64{
		"verify_until": &v.verifyUntil, "compromised_since": &v.compromised,
		"suspended_since": &v.suspended, "destroyed_since": &v.destroyed,
	} {
		if f.has(key) {
			*place = f.time(key)
		}
	}
	f.close()
	if v.notBefore >= v.signUntil || v.verifyUntil != 0 && v.verifyUntil < v.signUntil {
		bad("%s has dates in the wrong order", f.what)
	}
	return v
}

// parseHalves reads one classical half, one post-quantum half, or both in this order.
func parseHalves(items []any, what string) (halves []half) {
	for _, item := range items {
		f := fieldsOf(item, what+", a half")
		halves = append(halves, publicHalf(f.text("algorithm", anyPattern, 40), f.text("pem", anyPattern, anyLength)))
		f.close()
	}
	if len(halves) == 0 || len(halves) == 2 && (halves[0].class != classical || halves[1].class != pq) {
		bad("%s does not have one half of a class, or one of each in order", what)
	}
	return halves
}

// match is fnmatch: `*`, `?`, `[a-z]`, `[!a-z]`; an unclosed bracket is itself.
func match(glob, text string) bool { return matchRunes([]rune(glob), []rune(text)) }

func matchRunes(glob, text []rune) bool {
	for len(glob) > 0 {
		switch glob[0] {
		case '*':
			for at := range len(text) + 1 {
				if matchRunes(glob[1:], text[at:]) {
					return true
				}
			}
			return false
		case '?':
			if len(text) == 0 {
				return false
			}
			glob, text = glob[1:], text[1:]
		case '[':
			if end := classEnd(glob); end > 0 {
				if len(text) == 0 || !inClass(glob[1:end], text[0]) {
					return false
				}
				glob, text = glob[end+1:], text[1:]
				continue
			}
			fallthrough
		default:
			if len(text) == 0 || glob[0] != text[0] {
				return false
			}
			glob, text = glob[1:], text[1:]
		}
	}
	return len(text) == 0
}

func classEnd(glob []rune) int {
	at := 1
	if at < len(glob) && glob[at] == '!' {
		at++
	}
	if at < len(glob) && glob[at] == ']' {
		at++
	}
	for ; at < len(glob); at++ {
		if glob[at] == ']' {
			return at
		}
	}
	return 0
}

func inClass(class []rune, c rune) bool {
	negated := class[0] == '!'
	if negated {
		class = class[1:]
	}
	for at := 0; at < len(class); at++ {
		if at+2 < len(class) && class[at+1] == '-' {
			if class[at] <= c && c <= class[at+2] {
				return !negated
			}
			at += 2
		} else if class[at] == c {
			return !negated
		}
	}
	return negated
}
