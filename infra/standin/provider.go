package main

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// provider answers Terraform from the schema, and calls the cloud whose addresses it is given. What it is never asked is left to the
// nil interface.
type provider struct {
	tfprotov5.ProviderServer
	schema *schema
	cloud  *client // nil: nobody is called
}

// notReal is what a reader of Terraform's output has to know.
const notReal = "ONLY THE STAND-IN PROVIDER IS HERE"

func trouble(err error) []*tfprotov5.Diagnostic {
	if err == nil {
		return nil
	}
	return []*tfprotov5.Diagnostic{{Severity: tfprotov5.DiagnosticSeverityError, Summary: "the stand-in provider: " + err.Error()}}
}

// GetMetadata names what there is.
func (p *provider) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	r := &tfprotov5.GetMetadataResponse{ServerCapabilities: &tfprotov5.ServerCapabilities{}}
	for name := range p.schema.resources {
		r.Resources = append(r.Resources, tfprotov5.ResourceMetadata{TypeName: name})
	}
	for name := range p.schema.data {
		r.DataSources = append(r.DataSources, tfprotov5.DataSourceMetadata{TypeName: name})
	}
	return r, nil
}

// GetProviderSchema is the whole schema.
func (p *provider) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	return &tfprotov5.GetProviderSchemaResponse{
		Provider: p.schema.provider, ResourceSchemas: p.schema.resources, DataSourceSchemas: p.schema.data, ServerCapabilities: &tfprotov5.ServerCapabilities{},
	}, nil
}

// GetResourceIdentitySchemas has none.
func (p *provider) GetResourceIdentitySchemas(context.Context, *tfprotov5.GetResourceIdentitySchemasRequest) (*tfprotov5.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov5.GetResourceIdentitySchemasResponse{}, nil
}

// PrepareProviderConfig takes the configuration as it is.
func (p *provider) PrepareProviderConfig(_ context.Context, q *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: q.Config}, nil
}

// ConfigureProvider calls the given endpoints from now on, and says what it is. Without endpoints there is nobody to call.
func (p *provider) ConfigureProvider(_ context.Context, q *tfprotov5.ConfigureProviderRequest) (*tfprotov5.ConfigureProviderResponse, error) {
	v, err := q.Config.Unmarshal(p.schema.provider.ValueType())
	if err != nil {
		return &tfprotov5.ConfigureProviderResponse{Diagnostics: trouble(err)}, nil
	}
	config, err := arguments(v)
	if err != nil {
		return &tfprotov5.ConfigureProviderResponse{Diagnostics: trouble(err)}, nil
	}
	if p.cloud = dial(config); p.cloud == nil {
		return &tfprotov5.ConfigureProviderResponse{}, nil
	}
	return &tfprotov5.ConfigureProviderResponse{Diagnostics: []*tfprotov5.Diagnostic{{
		Severity: tfprotov5.DiagnosticSeverityWarning, Summary: notReal,
		Detail: "It makes the calls that the provider 1.97 is known to make. Name a configuration that offers the real one in TF_CLI_CONFIG_FILE to prove more.",
	}}}, nil
}

// StopProvider has nothing to stop.
func (p *provider) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

// GetFunctions has none.
func (p *provider) GetFunctions(context.Context, *tfprotov5.GetFunctionsRequest) (*tfprotov5.GetFunctionsResponse, error) {
	return &tfprotov5.GetFunctionsResponse{}, nil
}

// ValidateResourceTypeConfig refuses what the provider refuses; names and types are checked by Terraform, which has the schema.
func (p *provider) ValidateResourceTypeConfig(_ context.Context, q *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	_, t, err := p.resource(q.TypeName)
	if err != nil {
		return &tfprotov5.ValidateResourceTypeConfigResponse{Diagnostics: trouble(err)}, nil
	}
	v, err := q.Config.Unmarshal(t)
	if err == nil {
		err = valid(q.TypeName, v)
	}
	return &tfprotov5.ValidateResourceTypeConfigResponse{Diagnostics: trouble(err)}, nil
}

// ValidateDataSourceConfig leaves it to Terraform too.
func (p *provider) ValidateDataSourceConfig(context.Context, *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	return &tfprotov5.ValidateDataSourceConfigResponse{}, nil
}

func (p *provider) resource(name string) (*tfprotov5.Schema, tftypes.Type, error) {
	s := p.schema.resources[name]
	if s == nil {
		return nil, nil, fmt.Errorf("resource %s is not known", name)
	}
	return s, s.ValueType(), nil
}

// UpgradeResourceState reads a state of this same schema.
func (p *provider) UpgradeResourceState(_ context.Context, q *tfprotov5.UpgradeResourceStateRequest) (*tfprotov5.UpgradeResourceStateResponse, error) {
	_, t, err := p.resource(q.TypeName)
	if err != nil {
		return &tfprotov5.UpgradeResourceStateResponse{Diagnostics: trouble(err)}, nil
	}
	v, err := q.RawState.Unmarshal(t)
	if err != nil {
		return &tfprotov5.UpgradeResourceStateResponse{Diagnostics: trouble(err)}, nil
	}
	raw, err := tfprotov5.NewDynamicValue(t, v)
	return &tfprotov5.UpgradeResourceStateResponse{UpgradedState: &raw, Diagnostics: trouble(err)}, nil
}

// ReadResource asks the cloud; without one it finds everything as it was left.
func (p *provider) ReadResource(ctx context.Context, q *tfprotov5.ReadResourceRequest) (*tfprotov5.ReadResourceResponse, error) {
	same := &tfprotov5.ReadResourceResponse{NewState: q.CurrentState, Private: q.Private}
	_, t, err := p.resource(q.TypeName)
	if err != nil || p.cloud == nil {
		same.Diagnostics = trouble(err)
		return same, nil
	}
	state, err := q.CurrentState.Unmarshal(t)
	if err == nil {
		state, err = p.cloud.refresh(ctx, q.TypeName, state)
	}
	if err != nil {
		same.Diagnostics = trouble(fmt.Errorf("%s: %w", q.TypeName, err))
		return same, nil
	}
	raw, err := tfprotov5.NewDynamicValue(t, state)
	same.NewState, same.Diagnostics = &raw, trouble(err)
	return same, nil
}

// PlanResourceChange leaves open what the cloud decides about a new resource.
func (p *provider) PlanResourceChange(_ context.Context, q *tfprotov5.PlanResourceChangeRequest) (*tfprotov5.PlanResourceChangeResponse, error) {
	s, t, err := p.resource(q.TypeName)
	if err != nil {
		return &tfprotov5.PlanResourceChangeResponse{Diagnostics: trouble(err)}, nil
	}
	same := &tfprotov5.PlanResourceChangeResponse{PlannedState: q.ProposedNewState, PlannedPrivate: q.PriorPrivate, UnsafeToUseLegacyTypeSystem: true} //nolint:staticcheck // the provider that it stands for is of that system
	prior, err := q.PriorState.Unmarshal(t)
	if err != nil {
		same.Diagnostics = trouble(err)
		return same, nil
	}
	proposed, err := q.ProposedNewState.Unmarshal(t)
	if err == nil && prior.IsNull() {
		proposed, err = open(s.Block, proposed)
	}
	if err == nil {
		proposed, err = hashed(proposed)
	}
	if err == nil {
		same.RequiresReplace, err = replacing(q.TypeName, prior, proposed)
	}
	if err != nil {
		same.Diagnostics = trouble(err)
		return same, nil
	}
	raw, err := tfprotov5.NewDynamicValue(t, proposed)
	same.PlannedState, same.Diagnostics = &raw, trouble(err)
	return same, nil
}

// ApplyResourceChange makes the calls, where there is somebody to call, and makes up what else the cloud would have decided.
func (p *provider) ApplyResourceChange(ctx context.Context, q *tfprotov5.ApplyResourceChangeRequest) (*tfprotov5.ApplyResourceChangeResponse, error) {
	failed := func(err error) (*tfprotov5.ApplyResourceChangeResponse, error) {
		return &tfprotov5.ApplyResourceChangeResponse{NewState: q.PriorState, Diagnostics: trouble(err), UnsafeToUseLegacyTypeSystem: true}, nil //nolint:staticcheck // the provider that it stands for is of that system
	}
	_, t, err := p.resource(q.TypeName)
	if err != nil {
		return failed(err)
	}
	planned, err := q.PlannedState.Unmarshal(t)
	if err != nil {
		return failed(err)
	}
	said, err := p.call(ctx, q, t, planned)
	if err != nil {
		return failed(fmt.Errorf("%s: %w", q.TypeName, err))
	}
	if planned, err = answer(q.TypeName, planned); err != nil {
		return failed(err)
	}
	if len(said) > 0 {
		if planned, err = answered(planned, said); err != nil {
			return failed(err)
		}
	}
	raw, err := tfprotov5.NewDynamicValue(t, planned)
	if err != nil {
		return failed(err)
	}
	return &tfprotov5.ApplyResourceChangeResponse{NewState: &raw, Private: q.PlannedPrivate, UnsafeToUseLegacyTypeSystem: true}, nil //nolint:staticcheck // the provider that it stands for is of that system
}

// call decodes what was and what shall be. Secrets and code come from the configuration, since the plan holds their sums only.
func (p *provider) call(ctx context.Context, q *tfprotov5.ApplyResourceChangeRequest, t tftypes.Type, planned tftypes.Value) (object, error) {
	prior, err := q.PriorState.Unmarshal(t)
	if err != nil {
		return nil, err
	}
	was, err := arguments(prior)
	if err != nil {
		return nil, err
	}
	in, err := arguments(planned)
	if err != nil || in == nil {
		return p.gone(ctx, q.TypeName, was, err)
	}
	config, err := q.Config.Unmarshal(t)
	if err != nil {
		return nil, err
	}
	clear, err := arguments(config)
	if err != nil {
		return nil, err
	}
	for _, name := range summed {
		if v := clear.text(name); v != "" {
			in[name] = v
		}
	}
	return p.cloud.apply(ctx, q.TypeName, was, in)
}

func (p *provider) gone(ctx context.Context, name string, was object, err error) (object, error) {
	if err != nil {
		return nil, err
	}
	return p.cloud.apply(ctx, name, was, nil)
}

// ReadDataSource asks for the clusters where there is a cloud to ask; else it finds nothing.
func (p *provider) ReadDataSource(ctx context.Context, q *tfprotov5.ReadDataSourceRequest) (*tfprotov5.ReadDataSourceResponse, error) {
	s := p.schema.data[q.TypeName]
	if s == nil {
		return &tfprotov5.ReadDataSourceResponse{Diagnostics: trouble(fmt.Errorf("data source %s is not known", q.TypeName))}, nil
	}
	t := s.ValueType()
	v, err := q.Config.Unmarshal(t)
	if err == nil {
		v, err = open(s.Block, v)
	}
	if err == nil && p.cloud != nil && q.TypeName == "huaweicloud_cce_clusters" {
		v, err = p.found(ctx, v)
	}
	if err == nil {
		v, err = answer(q.TypeName, v)
	}
	if err != nil {
		return &tfprotov5.ReadDataSourceResponse{Diagnostics: trouble(err)}, nil
	}
	raw, err := tfprotov5.NewDynamicValue(t, v)
	return &tfprotov5.ReadDataSourceResponse{State: &raw, Diagnostics: trouble(err)}, nil
}

// found fills in the ids of the clusters that the account has.
func (p *provider) found(ctx context.Context, v tftypes.Value) (tftypes.Value, error) {
	ids, err := p.cloud.clusters(ctx)
	if err != nil {
		return v, err
	}
	fields := map[string]tftypes.Value{}
	if err := v.As(&fields); err != nil {
		return v, err
	}
	var items []tftypes.Value
	for _, id := range ids {
		items = append(items, tftypes.NewValue(tftypes.String, id))
	}
	fields["ids"] = tftypes.NewValue(fields["ids"].Type(), items)
	return tftypes.NewValue(v.Type(), fields), nil
}
