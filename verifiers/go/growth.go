// What may follow a trust that was accepted before, and the statement that a ring is the newest.

package verifier

import (
	"fmt"
	"maps"
)

// demandNewer refuses unless `next` has the roots of `before`, or more, and its ring grew from that one.
func demandNewer(before, next *Trust) {
	seen := before.roots[len(before.roots)-1]
	switch {
	case before.roots[0].digest != next.roots[0].digest:
		refuse("fork", "another trust root than the one accepted before")
	case len(next.roots) < len(before.roots):
		refuse("rollback", "fewer roots than were accepted before")
	case next.roots[len(before.roots)-1].digest != seen.digest:
		refuse("fork", "root %d is not the one accepted before", len(before.roots))
	}
	demandGrowth(before.ring, next.ring)
}

func demandGrowth(seen, next *ring) {
	chain := next.chain()
	version, base := seen.newest().version, seen.targets.version
	switch {
	case next.epoch < seen.epoch:
		refuse("rollback", "an older epoch than was accepted before")
	case next.epoch > seen.epoch:
		if int64(len(chain)) < base || chain[base-1] != seen.targets.digest {
			refuse("fork", "a new epoch that does not follow the holders' ring")
		}
		for _, key := range seen.delegation.quorum.keys() {
			for _, other := range next.delegation.quorum.keys() {
				if key.id == other.id {
					refuse("epoch-keeps-key", "a new epoch that keeps a rotation key")
				}
			}
		}
	case int64(len(chain)) < version:
		refuse("rollback", "ring %d is offered, ring %d was accepted before", len(chain), version)
	case chain[version-1] != seen.newest().digest, next.targets.version < base:
		refuse("fork", "a ring of another line than the one accepted before")
	case next.targets.version == base:
		onlyAppends(seen, next)
	}
}

// onlyAppends holds a rotation against an earlier one on the same ring.
func onlyAppends(seen, next *ring) {
	before, now := versionsOf(seen), versionsOf(next)
	for name, version := range before {
		other, there := now[name]
		if !there || unmarked(version) != unmarked(other) {
			refuse("taken-back", "version %s is gone, or another key", name)
		}
	}
	for name, version := range before {
		if other := now[name]; version.suspended != 0 && (other.suspended == 0 || other.suspended > version.suspended) {
			refuse("taken-back", "the suspension of %s is lifted", name)
		}
	}
	for _, made := range next.successors {
		place := fmt.Sprintf("%s/%d", made.identity, made.version.number)
		_, known := before[place]
		if before[fmt.Sprintf("%s/%d", made.identity, made.version.number-1)].suspended != 0 && !known {
			refuse("endorser-state", "a version that was suspended endorses %s", place)
		}
	}
}

func versionsOf(r *ring) map[string]keyVersion {
	found := map[string]keyVersion{}
	for _, who := range r.identities {
		for _, version := range who.versions {
			found[fmt.Sprintf("%s/%d", who.name, version.number)] = version
		}
	}
	return found
}

// unmarked is a version without the marks that may come later.
func unmarked(v keyVersion) string {
	table := maps.Clone(v.table)
	for _, key := range []string{"compromised_since", "suspended_since", "destroyed_since"} {
		delete(table, key)
	}
	return string(canonical(table))
}

// stale returns why a ring is not shown to have been the newest within so many days, or "".
func stale(snapshot []byte, t *Trust, now, days int64) (why string) {
	if snapshot == nil {
		return "no statement of the newest ring"
	}
	defer func() {
		if found := recover(); found != nil {
			why = fmt.Sprint(found)
		}
	}()
	e := parseEnvelope(snapshot, "snapshot", "the statement")
	e.demand(t.ring.delegation.quorum)
	if e.expires > e.issued+t.ring.delegation.ringDays*day {
		return "a statement that lives longer than the holders allow"
	}
	var digests []string
	for _, one := range t.roots {
		digests = append(digests, one.digest)
	}
	demandKnown(e.extra().fields("root"), digests)
	meta := e.signed.fields("meta")
	for _, name := range []string{"targets.json", "rotation.json"} {
		if name == "targets.json" || meta.has(name) {
			demandKnown(meta.fields(name), t.ring.chain())
		}
	}
	meta.close()
	if now < e.issued-skew || now > e.expires || now-e.issued > days*day {
		return "a statement of another time"
	}
	return ""
}

func demandKnown(f *fields, known []string) {
	version, digest := f.number("version"), f.fields("hashes").text("sha256", hex256, 64)
	if version > int64(len(known)) || known[version-1] != digest {
		bad("the statement names a version that this one did not grow from")
	}
}
