// An independent reader of tiled logs, checkpoints and proofs: Go's standard library and nothing of secpipe.
//
//	main proof FILE VKEY...   verify a tlog-proof whose extra line is the entry; every key must have signed
//	main log FOLDER VKEY...   recompute the root from the entry bundles and hold tiles and checkpoint against it
//	main sign NAME SEED TIME  print a vkey and an ML-DSA-44 line of a witness on the checkpoint on stdin
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/mldsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

type head struct {
	origin string
	size   uint64
	root   []byte
	text   string
	lines  []string
}

func fail(format string, more ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", more...)
	os.Exit(1)
}

func must[T any](value T, err error) T {
	if err != nil {
		fail("%v", err)
	}
	return value
}

func hash(parts ...[]byte) []byte {
	h := sha256.New()
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

func leaf(entry []byte) []byte       { return hash([]byte{0}, entry) }
func node(left, right []byte) []byte { return hash([]byte{1}, left, right) }
func decode(text string) []byte      { return must(base64.StdEncoding.Strict().DecodeString(text)) }
func number(text string) uint64      { return must(strconv.ParseUint(text, 10, 63)) }
func opaque(text string) []byte      { return append([]byte{byte(len(text))}, text...) }
func big(values ...uint64) (b []byte) {
	for _, value := range values {
		b = binary.BigEndian.AppendUint64(b, value)
	}
	return
}

// tree is MTH of RFC 6962, section 2.1, over leaf hashes.
func tree(leaves [][]byte) []byte {
	switch len(leaves) {
	case 0:
		return hash()
	case 1:
		return leaves[0]
	}
	half := 1
	for half*2 < len(leaves) {
		half *= 2
	}
	return node(tree(leaves[:half]), tree(leaves[half:]))
}

func parse(data string) head {
	at := strings.LastIndex(data, "\n\n")
	if at < 0 {
		fail("no note")
	}
	h := head{text: data[:at+1], lines: strings.Split(strings.TrimSuffix(data[at+2:], "\n"), "\n")}
	fields := strings.Split(strings.TrimSuffix(h.text, "\n"), "\n")
	if len(fields) != 3 {
		fail("no checkpoint of three lines")
	}
	h.origin, h.size, h.root = fields[0], number(fields[1]), decode(fields[2])
	return h
}

func message(name string, stamp uint64, h head) []byte {
	return bytes.Join([][]byte{[]byte("subtree/v1\n\x00"), opaque(name), big(stamp), opaque(h.origin), big(0, h.size), h.root}, nil)
}

func keyID(name string, kind byte, raw []byte) []byte {
	return hash([]byte(name), []byte("\n"), []byte{kind}, raw)[:4]
}

// check fails unless the key that the vkey writes has a good line on the checkpoint.
func check(h head, vkey string) {
	parts := strings.SplitN(vkey, "+", 3)
	body := decode(parts[2])
	name, kind, raw := parts[0], body[0], body[1:]
	id := keyID(name, kind, raw)
	if hex.EncodeToString(id) != parts[1] {
		fail("the vkey of %s contradicts itself", name)
	}
	for _, line := range h.lines {
		text, found := strings.CutPrefix(line, "\u2014 "+name+" ")
		if !found {
			continue
		}
		data := decode(text)
		if !bytes.Equal(data[:4], id) {
			continue
		}
		signature := data[4:]
		switch kind {
		case 1:
			if !ed25519.Verify(raw, []byte(h.text), signature) {
				fail("the Ed25519 line of %s does not hold", name)
			}
		case 6:
			public := must(mldsa.NewPublicKey(mldsa.MLDSA44(), raw))
			stamp := binary.BigEndian.Uint64(signature)
			if err := mldsa.Verify(public, message(name, stamp, h), signature[8:], nil); err != nil {
				fail("the ML-DSA-44 line of %s does not hold: %v", name, err)
			}
		default:
			fail("a key of type %d", kind)
		}
		return
	}
	fail("no line of %s, type %d", name, kind)
}

func proof(data string, vkeys []string) {
	top, note, _ := strings.Cut(data, "\n\n")
	lines := strings.Split(top, "\n")
	extra, isExtra := strings.CutPrefix(lines[1], "extra ")
	index, isIndex := strings.CutPrefix(lines[2], "index ")
	if lines[0] != "c2sp.org/tlog-proof@v1" || !isExtra || !isIndex {
		fail("no proof")
	}
	h := parse(note)
	for _, vkey := range vkeys {
		check(h, vkey)
	}
	at, last, found := number(index), h.size-1, leaf(decode(extra))
	for _, line := range lines[3:] {
		for at&1 == 0 && at == last && last > 0 { // a right edge without a sibling on this level
			at, last = at>>1, last>>1
		}
		if at&1 == 1 {
			found = node(decode(line), found)
		} else {
			found = node(found, decode(line))
		}
		at, last = at>>1, last>>1
	}
	if last > 0 && at != last {
		fail("the proof is too short")
	}
	if !bytes.Equal(found, h.root) {
		fail("the proof does not lead to the root")
	}
}

func tilePath(level string, n, width uint64) string {
	path := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	if width < 256 {
		path += fmt.Sprintf(".p/%d", width)
	}
	return filepath.Join("tile", level, path)
}

func log(folder string, vkeys []string) {
	h := parse(string(must(os.ReadFile(filepath.Join(folder, "checkpoint")))))
	for _, vkey := range vkeys {
		check(h, vkey)
	}
	var row [][]byte
	for n := uint64(0); n*256 < h.size; n++ {
		bundle := must(os.ReadFile(filepath.Join(folder, tilePath("entries", n, min(256, h.size-n*256)))))
		for len(bundle) > 0 {
			size := int(binary.BigEndian.Uint16(bundle))
			row = append(row, leaf(bundle[2:2+size]))
			bundle = bundle[2+size:]
		}
	}
	if uint64(len(row)) != h.size || !bytes.Equal(tree(row), h.root) {
		fail("the entries do not make the root")
	}
	for level := 0; len(row) > 0; level++ {
		var above [][]byte
		for n := 0; n*256 < len(row); n++ {
			part := row[n*256 : min(len(row), n*256+256)]
			tile := must(os.ReadFile(filepath.Join(folder, tilePath(strconv.Itoa(level), uint64(n), uint64(len(part))))))
			if !bytes.Equal(tile, bytes.Join(part, nil)) {
				fail("tile %d of level %d is another", n, level)
			}
			if len(part) == 256 {
				above = append(above, tree(part))
			}
		}
		row = above
	}
}

func sign(name, seed, stamp string) {
	private := must(mldsa.NewPrivateKey(mldsa.MLDSA44(), must(hex.DecodeString(seed))))
	h := parse(string(must(io.ReadAll(os.Stdin))))
	raw := private.PublicKey().Bytes()
	when := number(stamp)
	signature := must(private.Sign(nil, message(name, when, h), &mldsa.Options{}))
	id := keyID(name, 6, raw)
	fmt.Printf("%s+%x+%s\n", name, id, base64.StdEncoding.EncodeToString(append([]byte{6}, raw...)))
	line := bytes.Join([][]byte{id, big(when), signature}, nil)
	fmt.Printf("\u2014 %s %s\n", name, base64.StdEncoding.EncodeToString(line))
}

func main() {
	switch os.Args[1] {
	case "proof":
		proof(string(must(os.ReadFile(os.Args[2]))), os.Args[3:])
	case "log":
		log(os.Args[2], os.Args[3:])
	case "sign":
		sign(os.Args[2], os.Args[3], os.Args[4])
	}
}
