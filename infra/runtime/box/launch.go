package box

import "os/exec"

// launch starts a program where the root's folders are.
func (r *Root) launch(cmd *exec.Cmd) error {
	if r.cell == nil {
		return cmd.Start()
	}
	return r.cell.do(cmd.Start)
}
