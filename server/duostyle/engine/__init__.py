"""The style transfer engine: tensors only; knows nothing of asyncio, HTTP or sockets. Others see `api`,
`checkpoint_format` and `environment`, which need no torch.

A painting, and one evaluation in it (`Painter.run` and down), with the file that holds each line:

    network = frozen VGG features, each convolution by its fastest kernel   torch_engine, network/weights, vgg, autotune
    for level in sizes from coarse to fine, with steps and a depth:         painter, pyramid, schedule
        content, styles, guides = the inputs at that size                   image/inputs, guides
        base = content in the colours of the styles                         image/color
        targets = moments of the styles, features of the content            level, objective/features, moments
        x = painting of the level below + detail of base                    pyramid; the first one: level
        for step in steps, while the cost falls:                            painter, schedule
            x, targets moved by a pixel in every other one                  objective/alternating
            F = network.forward(x)           stops when cancelled           network/vgg, layers
            for layer in style_layers:                                      objective/objective
                M = mean and second moment of F[layer]  one per guide       objective/style, moments
                cost, matrix, bias = distance of M to the target            objective/losses
                taps[layer] = matrix @ F[layer] + bias  its gradient        objective/style
            taps[content_layer] += gradient of |F - F_content|^2            objective/losses
            gradient = network.backward(F, taps)                            network/vgg, layers
            gradient += gradient of the terms of x alone, as smoothness     objective/objective, losses
            x = optimizer.tell(cost, gradient)  clamped to 0..1             optim/lbfgs, preconditioner, adam
            on_step(costs, time left, picture without the rim)              painter, schedule, image/canvas

What does not fit into memory goes through the same lines tile by tile (objective/tiling); on a GPU the inner ones are
recorded once and played back (objective/cuda_graph).
"""
