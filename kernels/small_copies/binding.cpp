// The Python side of batched.cu: one function that reads tensors at every call, and three that read them once and give back
// what one iteration calls. Those are plain CPython functions over a capsule: pybind11's dispatch would cost more than
// all else that they do on the host but the driver's call itself.
#include <ATen/core/Tensor.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda.h>
#include <cuda_runtime.h>
#include <torch/csrc/utils/pybind.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "batched.h"
#include "copy_bytes.cuh"

namespace launchlens {
namespace {

using Tensors = std::vector<at::Tensor>;

// Blocks of one copy stride over it; more of them than this would only queue, whatever the GPU.
constexpr Count kMostBlocks = 2048;

void refuse_unpaired(const Tensors& destinations, const Tensors& sources) {
    if (destinations.empty() || destinations.size() != sources.size())
        throw std::invalid_argument("as many destinations as sources, and at least one");
}

// The copies as they are passed: contiguous tensors of one device, pairwise of one dtype and length. Any dtype will do.
std::vector<Copy> copies_of(const Tensors& destinations, const Tensors& sources) {
    refuse_unpaired(destinations, sources);
    std::vector<Copy> copies;
    copies.reserve(destinations.size());
    for (size_t i = 0; i < destinations.size(); ++i) {
        const at::Tensor &to = destinations[i], &from = sources[i];
        if (to.scalar_type() != from.scalar_type() || to.numel() != from.numel())
            throw std::invalid_argument("copy " + std::to_string(i) + ": dtypes or lengths differ");
        if (!to.is_contiguous() || !from.is_contiguous())
            throw std::invalid_argument("copy " + std::to_string(i) + ": not contiguous");
        if (!to.is_cuda() || to.device() != from.device() || to.device() != destinations[0].device())
            throw std::invalid_argument("copy " + std::to_string(i) + ": not on the CUDA device of the others");
        copies.push_back({to.data_ptr(), from.data_ptr(), static_cast<Count>(to.nbytes())});
    }
    return copies;
}

// One launch of the batched kernel: the argument (padded to what the kernel takes), the kernel and its grid.
struct Batch {
    std::vector<Copy> copies;
    Kernel kernel;
    dim3 grid;

    Batch(const Tensors& destinations, const Tensors& sources) : copies(copies_of(destinations, sources)) {
        if (copies.size() > kMostCopies)
            throw std::invalid_argument("at most " + std::to_string(kMostCopies) + " copies in one launch");
        const unsigned count = static_cast<unsigned>(copies.size());
        Count longest = 0;
        for (const Copy& copy : copies) longest = std::max(longest, copy.bytes);
        const Count bytes_a_block = kThreads * sizeof(Sixteen);
        const Count blocks = std::min((longest + bytes_a_block - 1) / bytes_a_block, kMostBlocks);
        kernel = kernel_for(count);
        grid = dim3(static_cast<unsigned>(std::max<Count>(blocks, 1)), count);
        copies.resize(kernel.room);
    }
};

// Reads the tensors and launches: what an extension costs that is called like an operator.
void copy_batched(const Tensors& destinations, const Tensors& sources) {
    Batch batch(destinations, sources);
    void* arguments[] = {batch.copies.data()};
    const cudaStream_t stream = c10::cuda::getCurrentCUDAStream(destinations[0].get_device());
    C10_CUDA_CHECK(cudaLaunchKernel(batch.kernel.symbol, batch.grid, dim3(kThreads), arguments, 0, stream));
}

// Something prepared. It holds the tensors, whose pointers are all that the work itself knows.
class Prepared {
   public:
    Prepared(const Tensors& destinations, const Tensors& sources)
        : destinations_(destinations), sources_(sources) {
        refuse_unpaired(destinations, sources);
        device_ = destinations[0].get_device();
    }
    virtual ~Prepared() = default;
    cudaError_t fire() { return submit(c10::cuda::getCurrentCUDAStream(device_)); }

   private:
    virtual cudaError_t submit(cudaStream_t stream) = 0;
    Tensors destinations_, sources_;
    c10::DeviceIndex device_ = 0;
};

using LaunchKernel = CUresult (*)(CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                                  CUstream, void**, void**);

// The driver's launch with a function handle: cudaLaunchKernel would look the symbol up at every call. Asked for by name,
// as extensions are not linked with libcuda.
LaunchKernel driver_launch() {
    void* found = nullptr;
    cudaDriverEntryPointQueryResult status;
    C10_CUDA_CHECK(cudaGetDriverEntryPointByVersion("cuLaunchKernel", &found, 12000, cudaEnableDefault, &status));
    if (status != cudaDriverEntryPointSuccess) throw std::runtime_error("the driver has no cuLaunchKernel");
    return reinterpret_cast<LaunchKernel>(found);
}

class PreparedLaunch final : public Prepared {
   public:
    PreparedLaunch(const Tensors& destinations, const Tensors& sources)
        : Prepared(destinations, sources), batch_(destinations, sources), launch_(driver_launch()) {
        arguments_[0] = batch_.copies.data();
        C10_CUDA_CHECK(cudaGetFuncBySymbol(&function_, batch_.kernel.symbol));
    }

   private:
    cudaError_t submit(cudaStream_t stream) override {
        const CUresult result = launch_(function_, batch_.grid.x, batch_.grid.y, 1, kThreads, 1, 1, 0, stream, arguments_,
                                        nullptr);
        return static_cast<cudaError_t>(result);  // the two number their errors alike since CUDA 10.1
    }
    Batch batch_;
    LaunchKernel launch_;
    cudaFunction_t function_ = nullptr;
    void* arguments_[1];
};

class PreparedGraph final : public Prepared {
   public:
    PreparedGraph(const Tensors& destinations, const Tensors& sources) : Prepared(destinations, sources) {
        Batch batch(destinations, sources);
        void* arguments[] = {batch.copies.data()};  // copied into the node
        cudaKernelNodeParams node{};
        node.func = const_cast<void*>(batch.kernel.symbol);
        node.gridDim = batch.grid;
        node.blockDim = dim3(kThreads);
        node.kernelParams = arguments;
        cudaGraph_t graph;
        cudaGraphNode_t added;
        C10_CUDA_CHECK(cudaGraphCreate(&graph, 0));
        C10_CUDA_CHECK(cudaGraphAddKernelNode(&added, graph, nullptr, 0, &node));
        C10_CUDA_CHECK(cudaGraphInstantiate(&executable_, graph, 0));
        C10_CUDA_CHECK(cudaGraphDestroy(graph));
    }
    ~PreparedGraph() override { cudaGraphExecDestroy(executable_); }

   private:
    cudaError_t submit(cudaStream_t stream) override { return cudaGraphLaunch(executable_, stream); }
    cudaGraphExec_t executable_ = nullptr;
};

class PreparedMemcpys final : public Prepared {
   public:
    PreparedMemcpys(const Tensors& destinations, const Tensors& sources)
        : Prepared(destinations, sources), copies_(copies_of(destinations, sources)) {}

   private:
    cudaError_t submit(cudaStream_t stream) override {
        for (const Copy& one : copies_) {
            const cudaError_t error =
                cudaMemcpyAsync(one.destination, one.source, one.bytes, cudaMemcpyDeviceToDevice, stream);
            if (error != cudaSuccess) return error;
        }
        return cudaSuccess;
    }
    std::vector<Copy> copies_;
};

constexpr char kCapsule[] = "launchlens.Prepared";

PyObject* fire(PyObject* capsule, PyObject*) {
    const cudaError_t error = static_cast<Prepared*>(PyCapsule_GetPointer(capsule, kCapsule))->fire();
    if (error == cudaSuccess) Py_RETURN_NONE;
    cudaGetLastError();  // else the next check of torch's reports it once more
    return PyErr_Format(PyExc_RuntimeError, "CUDA error: %s", cudaGetErrorString(error));
}

PyMethodDef fire_method = {"fire", fire, METH_NOARGS, "Submit the prepared copies to the current stream."};

// A function of no arguments that fires the prepared work and owns it.
template <typename Kind>
py::object prepare(const Tensors& destinations, const Tensors& sources) {
    auto prepared = std::make_unique<Kind>(destinations, sources);
    // a capsule holds a void*, which must be the very pointer that is cast back: the base's
    PyObject* capsule = PyCapsule_New(static_cast<Prepared*>(prepared.get()), kCapsule, [](PyObject* dying) {
        delete static_cast<Prepared*>(PyCapsule_GetPointer(dying, kCapsule));
    });
    if (capsule == nullptr) throw py::error_already_set();
    prepared.release();
    const auto owner = py::reinterpret_steal<py::object>(capsule);
    PyObject* function = PyCFunction_New(&fire_method, capsule);
    if (function == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(function);
}

}  // namespace
}  // namespace launchlens

PYBIND11_MODULE(TORCH_EXTENSION_NAME, module) {
    module.attr("MOST_COPIES") = launchlens::kMostCopies;
    module.def("copy_batched", &launchlens::copy_batched, "Copy sources to destinations in one launch.");
    module.def("prepare_launch", &launchlens::prepare<launchlens::PreparedLaunch>);
    module.def("prepare_graph", &launchlens::prepare<launchlens::PreparedGraph>);
    module.def("prepare_memcpys", &launchlens::prepare<launchlens::PreparedMemcpys>);
}
