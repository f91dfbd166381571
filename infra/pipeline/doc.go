// Package pipeline holds the tests of what delivers: that the stages of infra/pipeline.yaml and of the Jenkinsfile are the make targets that
// CI runs, and that the stacks around the services are what an emulated AWS makes of them.
package pipeline
