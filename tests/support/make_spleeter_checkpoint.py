"""Run in Spleeter's own environment: saves its real graph with random weights, in its real format."""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf
from spleeter.model import EstimatorSpecBuilder, InputProviderFactory
from spleeter.utils.configuration import load_configuration

folder, model, seed = sys.argv[1:]
params = dict(load_configuration(f"spleeter:{model}"), MWF=False)
with tf.Graph().as_default():
    tf.compat.v1.set_random_seed(int(seed))
    features = InputProviderFactory.get(params).get_input_dict_placeholders()
    EstimatorSpecBuilder(features, params).build_predict_model()
    tf.compat.v1.train.get_or_create_global_step()
    with tf.compat.v1.Session() as session:
        session.run(tf.compat.v1.global_variables_initializer())
        # Fresh networks hardly tell sources apart; moving every bias and every offset makes them differ.
        for number, variable in enumerate(tf.compat.v1.trainable_variables()):
            if len(variable.shape) == 1:
                noise = tf.random.stateless_normal(variable.shape, (int(seed), number), stddev=0.5)
                session.run(variable.assign_add(noise))
        tf.compat.v1.train.Saver().save(session, os.path.join(folder, "model"))
with open(os.path.join(folder, ".probe"), "w") as stream:
    stream.write("OK")
