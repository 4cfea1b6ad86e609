// SPDX-License-Identifier: Apache-2.0
#include "grove/cuda/launch_objective.hpp"
#include "grove/cuda/objective_kernel.cuh"

namespace grove::cuda {

namespace {

using Columns = ObjectiveColumns<float>;
using Clipped = PolicyGradient<TokenRatio, Clip>;
using ClippedSequence = PolicyGradient<SequenceRatio, Clip>;
using Capped = PolicyGradient<TokenRatio, CappedWeight<AbsoluteCap>>;

}  // namespace

template void launch_objective(Columns const&, float const*, double*, CUstream_st*, Clipped const&);
template void launch_objective(Columns const&, float const*, double*, CUstream_st*, Clipped const&,
                               KlInLoss<K3> const&);
template void launch_objective(Columns const&, float const*, double*, CUstream_st*, ClippedSequence const&);
template void launch_objective(Columns const&, float const*, double*, CUstream_st*, Capped const&);
template void launch_objective(Columns const&, float const*, double*, CUstream_st*, Clipped const&, ValueLoss<> const&);

}  // namespace grove::cuda
