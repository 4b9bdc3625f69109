// Package bundle makes a function's zip with no clock in it: the same binary gives the same bytes, on any day and machine, so that a
// deployment changes only when the code did.
//
// What always holds: one entry, named bootstrap, executable, dated 1980-01-01 (the zip format's zero), with its sizes in the local
// header so that a reader that streams finds them; nothing else, no comment, no owner.
package bundle

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// Entry is the name that FunctionGraph's custom runtime starts; it must be executable (custom runtime page).
const Entry = "bootstrap"

// MaxInline is how large a zip may be to go inline into a function: 50 MB by API (product constraints page). Larger ones go through OBS.
const MaxInline = 50 << 20

// Write writes the zip of a binary to w.
func Write(w io.Writer, binary []byte) error {
	var packed bytes.Buffer
	deflate, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return fmt.Errorf("prepare compression: %w", err)
	}
	if _, err := deflate.Write(binary); err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	if err := deflate.Close(); err != nil {
		return fmt.Errorf("compress: %w", err)
	}
	header := &zip.FileHeader{
		Name: Entry, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC),
		CRC32: crc32.ChecksumIEEE(binary), CompressedSize64: uint64(packed.Len()), UncompressedSize64: uint64(len(binary)),
	}
	header.SetMode(0o755)
	archive := zip.NewWriter(w)
	entry, err := archive.CreateRaw(header)
	if err != nil {
		return fmt.Errorf("begin the entry: %w", err)
	}
	if _, err := entry.Write(packed.Bytes()); err != nil {
		return fmt.Errorf("write the entry: %w", err)
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("finish the zip: %w", err)
	}
	return nil
}

// Zip is Write into memory.
func Zip(binary []byte) ([]byte, error) {
	var b bytes.Buffer
	if err := Write(&b, binary); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
