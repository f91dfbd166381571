// Package stack looks at what the templates become: the SAM template as AWS transforms it for each environment, with the
// stacks nested in it. Its tests say what must hold of that, and prove with broken copies that each of them can fail. They
// need BANYAN_SAM, the path of sam.
package stack
