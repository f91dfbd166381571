package command

import (
	"io"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/term"
)

// show opens a page in the person's browser, where a person sits at a desktop; elsewhere its address has been printed.
func (w *world) show(page string) {
	program := opener(runtime.GOOS, os.Getenv)
	if program == "" || !attended(w.out) {
		return
	}
	c := exec.Command(program, page)
	if c.Start() == nil { // without a browser the address is enough
		_ = c.Process.Release()
	}
}

// opener is the desktop's program that opens a file, empty where there is no desktop.
func opener(system string, getenv func(string) string) string {
	switch {
	case system == "darwin":
		return "open"
	case getenv("DISPLAY") != "" || getenv("WAYLAND_DISPLAY") != "":
		return "xdg-open"
	}
	return ""
}

// attended says whether what is written goes to a terminal.
func attended(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
