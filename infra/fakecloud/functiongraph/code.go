package functiongraph

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxUnpacked is the platform's limit of an unpacked package.
const maxUnpacked = 1500 << 20

// code is an unpacked package. The bootstrap is not checked before the first start: the real platform also takes any zip and fails
// at invocation.
type code struct {
	digest string // sha256 of the zip
	size   int
	root   string // what code sees as RUNTIME_CODE_ROOT
}

// unpack installs a function's package.
func (p *Platform) unpack(s Spec) (code, error) {
	p.packages.Lock()
	defer p.packages.Unlock()
	return unpack(p.opt.Dir, s.Name, s.Zip)
}

// unpack writes a package below dir, once per content.
func unpack(dir, name string, raw []byte) (code, error) {
	if len(raw) > MaxZip {
		return code{}, fmt.Errorf("%w: FSS.1071 %d bytes, more than 50 MB", ErrPackage, len(raw))
	}
	sum := sha256.Sum256(raw)
	c := code{digest: hex.EncodeToString(sum[:]), size: len(raw)}
	home := filepath.Join(dir, name+"-"+c.digest[:12])
	c.root = filepath.Join(home, "code")
	if _, err := os.Stat(c.root); err == nil {
		return c, nil
	}
	archive, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return code{}, fmt.Errorf("%w: FSS.1072 not a zip file: %w", ErrPackage, err)
	}
	partial := home + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return code{}, fmt.Errorf("clear %s: %w", name, err)
	}
	if err := extract(archive, filepath.Join(partial, "code")); err != nil {
		return code{}, err
	}
	if err := os.Rename(partial, home); err != nil {
		return code{}, fmt.Errorf("install the package of %s: %w", name, err)
	}
	return c, nil
}

func extract(archive *zip.Reader, root string) error {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return fmt.Errorf("make the code root: %w", err)
	}
	left := int64(maxUnpacked)
	for _, entry := range archive.File {
		if !filepath.IsLocal(entry.Name) {
			return fmt.Errorf("%w: entry %q leaves the package", ErrPackage, entry.Name)
		}
		path := filepath.Join(root, entry.Name)
		if strings.HasSuffix(entry.Name, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				return fmt.Errorf("make %s: %w", entry.Name, err)
			}
			continue
		}
		n, err := extractFile(entry, path, left)
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}

func extractFile(entry *zip.File, path string, limit int64) (n int64, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return 0, fmt.Errorf("make the directory of %s: %w", entry.Name, err)
	}
	in, err := entry.Open()
	if err != nil {
		return 0, fmt.Errorf("%w: open %s: %w", ErrPackage, entry.Name, err)
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, entry.Mode().Perm())
	if err != nil {
		return 0, fmt.Errorf("%w: write %s: %w", ErrPackage, entry.Name, err)
	}
	n, err = io.Copy(out, io.LimitReader(in, limit+1))
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return n, fmt.Errorf("%w: unpack %s: %w", ErrPackage, entry.Name, err)
	}
	if n > limit {
		return n, fmt.Errorf("%w: more than 1,500 MB unpacked", ErrPackage)
	}
	return n, nil
}
