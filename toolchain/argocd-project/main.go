// argocd-project FILE GROUP KIND cluster|namespace: whether an AppProject lets a kind through, by the function that Argo
// CD's controller asks before it applies an object. It prints permitted or refused.
package main

import (
	"fmt"
	"os"

	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) != 5 {
		fail("expected a file, a group, a kind, and cluster or namespace")
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		fail(err.Error())
	}
	var project v1alpha1.AppProject
	if err := yaml.UnmarshalStrict(text, &project); err != nil {
		fail(err.Error())
	}
	kind := schema.GroupKind{Group: os.Args[2], Kind: os.Args[3]}
	if project.IsGroupKindPermitted(kind, os.Args[4] == "namespace") {
		fmt.Println("permitted")
	} else {
		fmt.Println("refused")
	}
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, "argocd-project:", why)
	os.Exit(2)
}
