// Twin bundles against the trust: every declared half, by one key version of one identity, at a time when it counts.

package verifier

import (
	"math/big"
	"regexp"
	"strings"
)

// Bundles are the two bundles of an artifact, by the place where they stand; nil is none.
type Bundles struct{ Classical, PQ []byte }

// Demand is what a verifier asks for; nothing in it comes from the artifact.
type Demand struct {
	Require     string // classical+pq (default), classical, pq
	Environment string
	Purpose     string
	Name        string
	MinVersion  string
	Ignore      []string
}

type placed struct {
	bundle
	place, keyid string
	public       half
	who          *identity
	version      *keyVersion
}

type established struct {
	statement
	predicateType
	who     identity
	version keyVersion
}

// establish tells who signed, for what; which files that covers is for the caller.
func (t *Trust) establish(b Bundles, d Demand, now int64) established {
	var halves []placed
	for _, one := range []struct {
		place string
		data  []byte
	}{{classical, b.Classical}, {pq, b.PQ}} {
		if one.data != nil {
			halves = append(halves, placed{bundle: as("bundle-malformed", func() bundle { return parseBundle(one.data) }), place: one.place})
		}
	}
	if len(halves) == 0 {
		refuse("not-signed", "there is no bundle")
	}
	if len(halves) == 2 && !samePayload([]bundle{halves[0].bundle, halves[1].bundle}) {
		refuse("payloads-differ", "the halves sign different payloads")
	}
	s := as("statement-malformed", func() statement { return parseStatement(halves[0].payload) })
	checkDeclared(s.halves, halves)
	t.findSigner(s.halves, halves)
	classes := map[string]bool{}
	for _, one := range halves {
		if !one.public.verify(one.signature, pae(one.payload)) {
			refuse("bad-signature", "the %s signature does not hold", one.place)
		}
		classes[one.place] = true
	}
	for _, class := range strings.Split(or(d.Require, "classical+pq"), "+") {
		if !classes[class] {
			refuse("below-floor", "there is no %s half", class)
		}
	}
	t.checkTime(halves, now)
	found := established{s, predicateType{}, *halves[0].who, *halves[0].version}
	found.judge(d)
	return found
}

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func checkDeclared(declared map[string]string, halves []placed) {
	if declared == nil {
		refuse("undeclared", "the payload declares no halves")
	}
	if len(halves) == 2 && halves[0].hint == halves[1].hint {
		refuse("half-repeated", "both bundles hold the same half")
	}
	for _, one := range halves {
		if _, there := declared[one.hint]; !there {
			refuse("half-undeclared", "a bundle points at a key that is not declared")
		}
	}
	if len(declared) > len(halves) {
		refuse("half-missing", "a declared half is missing")
	}
}

func (t *Trust) findSigner(declared map[string]string, halves []placed) {
	for at := range halves {
		one := &halves[at]
		if !t.find(one) {
			refuse("unknown-key", "a key that is not in the ring")
		}
		if one.public.class != one.place {
			refuse("wrong-place", "a %s half in the %s place", one.public.class, one.place)
		}
		if declared[one.hint] != one.public.algorithm {
			refuse("wrong-algorithm", "another algorithm than the ring knows")
		}
	}
	for _, one := range halves {
		if one.who.name != halves[0].who.name || one.version.number != halves[0].version.number {
			refuse("mixed-halves", "halves of different signers or key versions")
		}
	}
	if len(halves[0].version.halves) != len(declared) {
		refuse("half-left-out", "the payload does not declare every half of the key version")
	}
}

func (t *Trust) find(one *placed) bool {
	for i := range t.ring.identities {
		who := &t.ring.identities[i]
		for v := range who.versions {
			for _, public := range who.versions[v].halves {
				if public.keyid() == one.hint {
					one.public, one.who, one.version = public, who, &who.versions[v]
					return true
				}
			}
		}
	}
	return false
}

// checkTime judges the key version at `now`. Time stamps are not read here: where they could decide, nobody can tell.
func (t *Trust) checkTime(halves []placed, now int64) {
	stamped := t.newest().authorities > 0
	for _, one := range halves {
		stamped = stamped && one.stamped
	}
	v := halves[0].version
	switch {
	case v.suspended != 0 && now >= v.suspended:
		refuse("suspended-key", "the key version is suspended")
	case stamped:
		refuse("time-not-supported", "time stamps could decide, and this verifier reads none")
	case v.compromised != 0:
		refuse("compromised-key", "the key version is compromised")
	case now < v.notBefore:
		refuse("key-not-yet", "the key version is not active yet")
	case v.verifyUntil != 0 && now > v.verifyUntil:
		refuse("expired-key", "the key version ended")
	}
}

// judge holds predicate type, authority and what was asked for.
func (e *established) judge(d Demand) {
	var vetted bool
	if e.predicateType, vetted = predicateTypes[e.uri]; !vetted {
		refuse("unvetted-type", "a predicate type that nobody vetted")
	}
	if e.empty && len(e.predicate) > 0 {
		refuse("predicate-not-empty", "a %s statement must have an empty predicate", e.purpose)
	}
	for _, one := range []struct {
		what, value string
		globs       []string
	}{{"purpose", e.purpose, e.who.purposes}, {"subject", e.name, e.who.namespaces}, {"environment", d.Environment, e.who.environments}} {
		if !matchAny(one.globs, one.value) {
			refuse(one.what+"-not-allowed", "%s may not sign for this %s", e.who.name, one.what)
		}
	}
	if d.Purpose != "" && d.Purpose != e.purpose {
		refuse("wrong-purpose", "signed as %s, not as %s", e.purpose, d.Purpose)
	}
	if d.Name != "" && d.Name != e.name {
		refuse("wrong-name", "signed under another name")
	}
	if d.MinVersion != "" && older(e.statement.version, d.MinVersion) {
		refuse("old-version", "the signed version is older than the least accepted, or none")
	}
}

func matchAny(globs []string, text string) bool {
	for _, glob := range globs {
		if match(glob, text) {
			return true
		}
	}
	return false
}

var release = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*$`)

// older compares release numbers (1.4.0) of at most 200 characters; anything else counts as older.
func older(version, least string) bool {
	if len(version) > 200 || len(least) > 200 || !release.MatchString(version) || !release.MatchString(least) {
		return true
	}
	have, want := strings.Split(version, "."), strings.Split(least, ".")
	for at := range max(len(have), len(want)) {
		if order := part(have, at).Cmp(part(want, at)); order != 0 {
			return order < 0
		}
	}
	return false
}

func part(parts []string, at int) *big.Int {
	number := new(big.Int)
	if at < len(parts) {
		number.SetString(parts[at], 10)
	}
	return number
}
