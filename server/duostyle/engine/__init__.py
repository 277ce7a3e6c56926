"""The style transfer engine: tensors only; knows nothing of asyncio, HTTP or sockets."""
