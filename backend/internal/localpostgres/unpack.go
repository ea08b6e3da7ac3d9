//go:build unix

package localpostgres

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/xi2/xz"
)

// unpackLimit bounds what an archive may unpack to, in bytes.
const unpackLimit = 1 << 30

// unpack writes the files of the .txz inside the jar below target, which it makes, readable by
// everyone. The archive's digest is verified already; os.Root still keeps every path inside.
func unpack(ctx context.Context, jar, target string) error {
	outer, err := zip.OpenReader(jar)
	if err != nil {
		return err
	}
	defer outer.Close()
	for _, file := range outer.File {
		if path.Ext(file.Name) != ".txz" {
			continue
		}
		inner, err := file.Open()
		if err != nil {
			return err
		}
		defer inner.Close()
		if err := os.Mkdir(target, 0o755); err != nil {
			return err
		}
		if err := os.Chmod(target, 0o755); err != nil {
			return err
		}
		root, err := os.OpenRoot(target)
		if err != nil {
			return err
		}
		defer root.Close()
		return unpackTar(ctx, root, inner)
	}
	return errors.New("the archive holds no .txz file")
}

func unpackTar(ctx context.Context, root *os.Root, compressed io.Reader) error {
	plain, err := xz.NewReader(bufio.NewReaderSize(compressed, 1<<20), 0)
	if err != nil {
		return err
	}
	entries := tar.NewReader(io.LimitReader(plain, unpackLimit))
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		name := path.Clean(strings.TrimPrefix(header.Name, "./"))
		if err := unpackEntry(root, name, header, entries); err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}

func unpackEntry(root *os.Root, name string, header *tar.Header, content io.Reader) error {
	if name == "." {
		return nil
	}
	if header.Typeflag == tar.TypeDir {
		return makeReadable(root, name)
	}
	if err := makeReadable(root, path.Dir(name)); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeReg:
		mode := os.FileMode(0o644)
		if header.Mode&0o111 != 0 {
			mode = 0o755
		}
		file, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, mode)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, content)
		return errors.Join(err, file.Chmod(mode), file.Close()) // whatever the umask
	case tar.TypeSymlink:
		return root.Symlink(header.Linkname, name)
	default:
		return fmt.Errorf("unexpected kind of entry %q", header.Typeflag)
	}
}

func makeReadable(root *os.Root, name string) error {
	if name == "." {
		return nil
	}
	if err := makeReadable(root, path.Dir(name)); err != nil {
		return err
	}
	if err := root.Mkdir(name, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return root.Chmod(name, 0o755)
}
