"""Servers as targets: the OpenAI images API with its dialects, ComfyUI, AUTOMATIC1111 and stable-diffusion.cpp.

engine      what the rest of sdeval sees; `checks` refuses what a server has no name for
probe       proves before the first image that what a suite states has an effect on the server
openai_images, comfyui, a1111, sdcpp    each kind of server in its own words
http, images    requests within bounds; images as servers take and give them
"""
