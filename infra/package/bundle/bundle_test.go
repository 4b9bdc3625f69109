package bundle_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"testing"

	"cce-oncall/infra/package/bundle"
)

var binary = bytes.Repeat([]byte("\x7fELF is not what this is, but it packs alike. "), 4096)

func TestSameInputSameBytes(t *testing.T) {
	first, err := bundle.Zip(binary)
	if err != nil {
		t.Fatal(err)
	}
	second, err := bundle.Zip(bytes.Clone(binary))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("two zips of the same binary differ")
	}
	changed, err := bundle.Zip(append(bytes.Clone(binary), 'x'))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(first, changed) {
		t.Error("zips of different binaries are equal")
	}
	// The digest is pinned so that a change of form (ours or that of a new Go) is a decision: every deployed function would be updated.
	sum := sha256.Sum256(first)
	if got, want := hex.EncodeToString(sum[:]), "251c2ae4aa22075beb6f4fa9a750cfe79806a38cd3db310a619cc09d1933dc3d"; got != want {
		t.Errorf("sha256 of the zip = %s, want %s", got, want)
	}
}

func TestOneExecutableEntry(t *testing.T) {
	raw, err := bundle.Zip(binary)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	if len(archive.File) != 1 {
		t.Fatalf("%d entries, want 1", len(archive.File))
	}
	f := archive.File[0]
	if f.Name != "bootstrap" || f.Mode() != 0o755 {
		t.Errorf("entry %s %v, want bootstrap -rwxr-xr-x", f.Name, f.Mode())
	}
	if f.Flags&0x8 != 0 {
		t.Error("the sizes stand behind the data: a streaming reader does not find them")
	}
	in, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	got, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, binary) {
		t.Error("the unpacked binary differs from the packed one")
	}
}
