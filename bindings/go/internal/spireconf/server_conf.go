package spireconf

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/hashicorp/hcl/hcl/ast"
	"github.com/hashicorp/hcl/hcl/printer"
)

// The plugin is declared under these keys of "plugins".
const (
	pluginType = "NodeAttestor"
	pluginName = "k8s_psat"
)

// ServerConf is what concerns the plugin in a configuration of spire-server.
type ServerConf struct {
	// TrustDomain is the server's, as it is written there; empty if it is absent.
	TrustDomain string
	// PluginData is what SPIRE hands to the plugin.
	PluginData string
	// PluginDataFile is the file that holds it instead; empty if PluginData does.
	PluginDataFile string
	// Disabled is whether SPIRE does not load the plugin, because of enabled = false.
	Disabled bool
}

// pluginBlock is what SPIRE reads of a plugin's declaration.
type pluginBlock struct {
	Data     ast.Node `hcl:"plugin_data"`
	DataFile *string  `hcl:"plugin_data_file"`
	Enabled  *bool    `hcl:"enabled"`
}

// ParseServerConf reads the text of a server.conf, in HCL or in JSON.
func ParseServerConf(text string) (*ServerConf, error) {
	var file struct {
		Server *struct {
			TrustDomain string `hcl:"trust_domain"`
		} `hcl:"server"`
		Plugins ast.Node `hcl:"plugins"`
	}
	root, err := parse(text)
	if err == nil {
		err = fill(&file, root)
	}
	if err != nil {
		return nil, fmt.Errorf("it is not a configuration of spire-server: %w", err)
	}
	if file.Plugins == nil {
		return nil, errors.New(`it has no "plugins" section: is it the configuration of a SPIRE server?`)
	}
	conf, err := parsePlugin(file.Plugins)
	if err != nil {
		return nil, err
	}
	if file.Server != nil {
		conf.TrustDomain = file.Server.TrustDomain
	}
	return conf, nil
}

func parsePlugin(plugins ast.Node) (*ServerConf, error) {
	found := declarations(plugins, pluginType, pluginName)
	switch len(found) {
	case 1:
	case 0:
		return nil, fmt.Errorf("it configures no plugin %s %q", pluginType, pluginName)
	default:
		return nil, fmt.Errorf("it declares the plugin %s %q %d times: SPIRE takes one", pluginType, pluginName, len(found))
	}
	var block pluginBlock
	if err := fill(&block, found[0]); err != nil {
		return nil, fmt.Errorf("the plugin %s %q cannot be read: %w", pluginType, pluginName, err)
	}
	if block.Data != nil && block.DataFile != nil {
		return nil, fmt.Errorf("the plugin %s %q has both plugin_data and plugin_data_file: SPIRE takes one of them", pluginType, pluginName)
	}
	conf := &ServerConf{Disabled: block.Enabled != nil && !*block.Enabled}
	if block.DataFile != nil {
		conf.PluginDataFile = *block.DataFile
		return conf, nil
	}
	if block.Data == nil {
		return conf, nil
	}
	// SPIRE prints the node too, and hands the plugin this text.
	var data bytes.Buffer
	if err := printer.DefaultConfig.Fprint(&data, block.Data); err != nil {
		return nil, fmt.Errorf("plugin_data of %s %q cannot be read", pluginType, pluginName)
	}
	conf.PluginData = data.String()
	return conf, nil
}

// declarations are the bodies under a path of keys, whether the keys stand on one line, inside each other, or both.
func declarations(node ast.Node, keys ...string) []ast.Node {
	if len(keys) == 0 {
		return []ast.Node{node}
	}
	var found []ast.Node
	for _, item := range itemsOf(node) {
		rest, more, ok := follow(item.Keys, keys)
		switch {
		case !ok:
		case len(more) > 0:
			// One line has the path and a key of the body: A "b" plugin_data { … }
			body := &ast.ObjectItem{Keys: more, Val: item.Val, Assign: item.Assign}
			found = append(found, &ast.ObjectList{Items: []*ast.ObjectItem{body}})
		default:
			found = append(found, declarations(item.Val, rest...)...)
		}
	}
	return found
}

// follow walks along the keys of an item. It returns what is left of either side, and whether they agree until there.
func follow(own []*ast.ObjectKey, keys []string) (rest []string, more []*ast.ObjectKey, ok bool) {
	for len(own) > 0 && len(keys) > 0 {
		if name, isText := own[0].Token.Value().(string); !isText || name != keys[0] {
			return nil, nil, false
		}
		own, keys = own[1:], keys[1:]
	}
	return keys, own, true
}

// itemsOf are the items of an object, or of all objects of a list, as JSON has them.
func itemsOf(node ast.Node) []*ast.ObjectItem {
	switch node := node.(type) {
	case *ast.ObjectList:
		return node.Items
	case *ast.ObjectType:
		return node.List.Items
	case *ast.ListType:
		var items []*ast.ObjectItem
		for _, element := range node.List {
			items = append(items, itemsOf(element)...)
		}
		return items
	default:
		return nil
	}
}

// ExpandEnv replaces $NAME and ${NAME} by the environment's values, as spire-server -expandEnv does; $$ becomes $.
func ExpandEnv(text string) string {
	return os.Expand(text, func(name string) string {
		if name == "$" {
			return "$"
		}
		return os.Getenv(name)
	})
}
